/**
 * Two-way binding of a form's own controls to a session's fields.
 *
 * The person's writes are those of trusted events: what a control says after one is theirs, and what the page's scripts
 * have made of others within the same task, as a calendar does. What scripts do at any other time is nobody's edit. The
 * agent's writes set off the events that frameworks wait for, and never come back as the person's. A control that the
 * person is in is not written under the caret: the value is offered, and shown once they leave.
 */

import { entryOf } from "../client/rows.js";
import { nextTask } from "../client/tasks.js";
import { isSame } from "../client/values.js";
import { around, listen, positionOf, rootOf } from "./clobbering.js";
import { ControlIndex } from "./control_index.js";
import { problemOf } from "./problems.js";
import { RowBinding } from "./row_binding.js";
import { SchemaFollower } from "./schema_follower.js";
import { isSecret } from "./secrets.js";
import { withoutSubmission } from "./submission.js";
import { UNREADABLE, cellsOf, isAlike, isChanged, isOverlong, read, readPublic, show } from "./values.js";
import { isWidget } from "./widgets.js";

/** @typedef {import("./controls.js").Control} Control */
/** @typedef {import("../client.js").Field} Field */
/** @typedef {import("../client.js").HandshakeSession} HandshakeSession */

/** Events in which a person gives something in, also through a part of the page that is no control. */
const GESTURES = ["mousedown", "mouseup", "click", "keydown", "input", "change", "drop"];
/** What of a form tells of its fields; a framework's copies of values into attributes do not. */
const OBSERVED = {
  childList: true,
  subtree: true,
  characterData: true,
  attributeFilter: [
    ...["accept", "aria-checked", "aria-describedby", "aria-disabled", "aria-hidden", "aria-invalid", "aria-label", "aria-labelledby", "aria-required", "aria-selected", "autocomplete"],
    ...["class", "data-handshake", "disabled", "for", "form", "hidden", "id", "label", "list", "max", "maxlength", "min"],
    ...["minlength", "multiple", "name", "open", "pattern", "placeholder", "readonly", "required", "step", "style", "title"],
    ...["tabindex", "type"],
  ],
};
/** What around a form shows parts of it, as a class for the step of a wizard does. */
const AROUND = { attributeFilter: ["class", "data-state", "data-step", "hidden", "open"] };
/** What a transition of leaves everything where it was. */
const PAINT = /color|shadow|outline|background|fill|stroke/;
/** A page that changes its form does so in several steps, in milliseconds. */
const SETTLING = 50;

/**
 * Shows a session's fields in a form, and reports the person's edits there.
 *
 * Events: `offer {key, value}`, a value waits for the person to leave the control, or (`value` undefined) does not any
 * more; `change`, the form has other controls than before.
 */
export class FormBinding extends EventTarget {
  /** @type {Map<string, any>} The values that wait, by key. */
  offers = new Map();
  #session;
  #form;
  #index;
  #stopped = new AbortController();
  #observer = new MutationObserver(() => this.#reviewSoon(true));
  /** @type {WeakSet<any>} */
  #heard = new WeakSet();
  /** @type {Map<string, any>} What the controls of each field have last said. */
  #seen = new Map();
  /** @type {Set<string>} */
  #keys;
  /** @type {SchemaFollower | null} */
  #follower;
  #isStale = false;
  /** @type {WeakMap<Element, string>} Ids of the rows that the page shows. */
  #ids = new WeakMap();
  #rows;
  #isWriting = false;
  #isLooking = false;
  #reviewTimer = 0;

  /**
   * @param {HandshakeSession} session
   * @param {HTMLFormElement} form
   * @param {Record<string, any>} given the values at creation: edits since then are reported at once.
   * @param {{follow?: boolean}} [settings] `follow`: the schema is the form's own, and changes with it.
   */
  constructor(session, form, given, { follow = false } = {}) {
    super();
    this.#session = session;
    this.#form = form;
    this.#keys = new Set(Object.keys(given));
    this.#index = new ControlIndex(form, this.#ids);
    this.#rows = new RowBinding(session, form, {
      ids: this.#ids,
      perform: (work) => this.#perform(work),
      valueOf: (list, row) => this.#valueOfRow(list, row),
    });
    this.#follower = follow ? new SchemaFollower(session, form) : null;
    this.#listen();
    for (const field of this.fields) this.#begin(field, given[field.key]);
    this.#reviewSoon(true);
  }

  /** Leave the form alone from now on. */
  stop() {
    this.#stopped.abort();
    this.#observer.disconnect();
    clearTimeout(this.#reviewTimer);
  }

  /** Show a value that waits, though the person is in its control. @param {string} key */
  accept(key) {
    const field = this.#fieldOf(key);
    if (field) this.#write(field);
  }

  /** Report all that the controls show: a person who submits a form means what they see, whoever put it there. */
  report() {
    for (const field of this.fields) if (!field.readOnly) this.#report(field);
  }

  /** @param {string} key @returns {Control[]} the controls of a field. */
  controlsOf(key) {
    return this.#index.of(key);
  }

  /** @returns {Field[]} those of the form and of the rows that the page shows. */
  get fields() {
    const { schema } = this.#session;
    if (schema.length === 0) return [...this.#keys].map((key) => ({ key }));
    return schema.some(({ type }) => type === "rows") ? schema.flatMap((field) => this.#cells(field)) : schema;
  }

  /** @param {Field} field @returns {Field[]} itself, or the cells of its rows. */
  #cells(field) {
    if (field.type !== "rows") return [field];
    const ids = this.#index.rows(field.key).flatMap(({ row }) => this.#ids.get(row) ?? []);
    const cells = ids.flatMap((id) => (field.fields ?? []).map((cell) => ({ ...cell, key: `${field.key}/${id}/${cell.key}` })));
    return cells.flatMap((cell) => this.#cells(cell));
  }

  /** @param {string} list @param {Element} row */
  #valueOfRow(list, row) {
    const field = entryOf(this.#session.schema, list);
    const shown = this.#index.rows(list).find((each) => each.row === row);
    return field && shown ? cellsOf(shown, field) : {};
  }

  /** @param {string} key @returns {Field | undefined} */
  #fieldOf(key) {
    return this.fields.find((field) => field.key === key);
  }

  // ---- what the page says

  #listen() {
    const { signal } = this.#stopped;
    const settings = { signal, capture: true };
    for (const name of GESTURES) window.addEventListener(name, (event) => this.#gesture(event), settings);
    window.addEventListener("blur", () => [...this.offers.keys()].forEach((key) => this.#draw(key)), { signal });
    this.#session.addEventListener("field", (/** @type {any} */ { detail }) => this.#draw(detail.key), { signal });
    for (const name of ["rows", "connected"]) {
      this.#session.addEventListener(name, () => this.#reviewSoon(true), { signal });
    }
    this.#session.addEventListener("settling", () => this.#review(), { signal });
    this.#session.addEventListener("submitting", () => this.#follower?.hold(), { signal });
    this.#attend();
  }

  /** Listen wherever there are controls: `change` does not leave a shadow root. */
  #attend() {
    this.#observer.observe(this.#form, OBSERVED);
    for (let each = around(this.#form); each; each = around(each)) this.#observer.observe(each, AROUND);
    for (const root of [rootOf(this.#form), ...this.#index.shadowRoots]) {
      if (root !== rootOf(this.#form)) this.#observer.observe(root, OBSERVED);
      if (this.#heard.has(root)) continue;
      this.#heard.add(root);
      const settings = { signal: this.#stopped.signal, capture: true };
      for (const name of ["input", "change"]) listen(root, name, (event) => this.#hear(event), settings);
      listen(root, "focusout", (event) => this.#leave(event), settings);
      for (const name of ["transitionend", "animationend", "toggle"]) listen(root, name, (event) => this.#arrive(event), settings);
    }
  }

  /** @param {Event} event */
  #controlOf(event) {
    const path = event.composedPath();
    const found = path.find((each) => this.#index.has(each));
    if (found || !path.includes(this.#form)) return found;
    this.#review(); // a control that has only just come
    return path.find((each) => this.#index.has(each));
  }

  /** @param {Control} control @returns {Field | undefined} */
  #fieldIn(control) {
    return this.#index.keysOf(control).map((key) => this.#fieldOf(key)).find(Boolean);
  }

  /** @param {Event} event */
  #hear(event) {
    if (!event.isTrusted || this.#isWriting) return;
    this.#follower?.resume();
    const control = this.#controlOf(event);
    const field = control && this.#fieldIn(control);
    if (field) this.#report(field);
    if (control) this.#reviewSoon(event.type === "change");
  }

  /** Take what has changed when a gesture has had its effect. @param {Event} event */
  async #gesture(event) {
    if (!event.isTrusted) return this.#reviewSoon();
    if (this.#isWriting || this.#isLooking) return;
    this.#isLooking = true;
    for (const field of this.fields) this.#see(field);
    await nextTask();
    this.#isLooking = false;
    if (this.#stopped.signal.aborted) return;
    for (const field of this.fields) if (this.#see(field)) this.#report(field);
  }

  /** Take note of what the controls of a field say. @param {Field} field @returns {boolean} whether it is new. */
  #see(field) {
    const value = this.#read(field);
    const known = this.#seen.get(field.key);
    this.#seen.set(field.key, value);
    return value !== UNREADABLE && known !== UNREADABLE && !isSame(value, known);
  }

  /** @param {Field} field */
  #read(field) {
    return readPublic(this.#index.of(field.key), field);
  }

  /** @param {Field} field */
  #report(field) {
    const value = this.#read(field);
    this.#seen.set(field.key, value);
    if (value === UNREADABLE || this.#isOurs(field, value)) return;
    this.#session.edit(field.key, value);
  }

  /** Whether a control says what the session has, if in its own way. @param {Field} field @param {any} value */
  #isOurs(field, value) {
    const record = this.#session.fields.get(field.key);
    return record !== undefined && isAlike(this.#index.of(field.key), field, value, record.value);
  }

  /** @param {FocusEvent} event */
  #leave(event) {
    const control = this.#controlOf(event);
    const field = control && this.#fieldIn(control);
    if (!field || this.#index.of(field.key).includes(event.relatedTarget)) return;
    // Only what waits: what a password manager has filled in is nobody's edit, and stays.
    queueMicrotask(() => this.offers.has(field.key) && this.#draw(field.key));
    this.#reviewSoon();
  }

  /** Look again once what was faded or slid in, or opened, is there. @param {any} event */
  #arrive({ target, propertyName = "" }) {
    const isMoved = !PAINT.test(propertyName) && this.#index.controls.some((control) => positionOf(target, control) & Node.DOCUMENT_POSITION_CONTAINED_BY);
    if (isMoved) this.#reviewSoon(true);
  }

  // ---- what the session says

  /** @param {Field} field @param {any} given */
  #begin(field, given) {
    const isEdited = this.#index.of(field.key).some(isChanged) && !isSame(this.#read(field), given);
    if (isEdited) this.#report(field);
    if (this.#session.fields.has(field.key)) this.#write(field);
    else this.#see(field);
  }

  /** @param {string} key */
  #draw(key) {
    const field = this.#fieldOf(key);
    if (!field || !this.#session.fields.has(key)) return;
    const controls = this.#index.of(key);
    const isWaiting = controls.some(isOccupied) && !isSame(read(controls, field), this.#valueOf(field));
    if (isWaiting) this.#offer(key, this.#valueOf(field));
    else this.#write(field);
  }

  /** @param {Field} field */
  #valueOf({ key }) {
    return this.#session.fields.get(key)?.value ?? null;
  }

  /** @param {Field} field */
  #write(field) {
    this.#offer(field.key);
    const controls = this.#index.of(field.key);
    if (controls.some(isSecret) || controls.some(isOverlong)) return;
    if (!this.#seen.has(field.key)) this.#session.shows(field.key, this.#read(field));
    this.#perform(() => show(controls, field, this.#valueOf(field)));
    this.#see(field);
    this.#reviewSoon();
  }

  /** Change the page as the session's doing, which is nobody's input. @param {() => void} work */
  #perform(work) {
    this.#isWriting = true;
    try {
      withoutSubmission(this.#form, work);
    } finally {
      this.#isWriting = false;
    }
  }

  /** @param {string} key @param {any} [value] */
  #offer(key, value) {
    if (value === undefined ? !this.offers.delete(key) : isSame(this.offers.get(key), value)) return;
    if (value !== undefined) this.offers.set(key, value);
    this.dispatchEvent(new CustomEvent("offer", { detail: { key, value } }));
  }

  // ---- a form that changes

  /** Look at the form once for all that happens at one time. @param {boolean} [isStale] whether its controls may be others. */
  #reviewSoon(isStale = false) {
    if (this.#stopped.signal.aborted) return;
    this.#isStale ||= isStale;
    this.#reviewTimer ||= setTimeout(() => this.#review(this.#isStale), SETTLING);
  }

  #review(isStale = true) {
    clearTimeout(this.#reviewTimer);
    this.#reviewTimer = 0;
    if (isStale) this.#renew();
    for (const field of this.fields) this.#heed(field);
  }

  /** Find the form's controls again, and show the session's values in new ones. */
  #renew() {
    this.#isStale = false;
    const before = this.#index;
    this.#index = new ControlIndex(this.#form, this.#ids);
    this.#attend();
    this.#reviewRows();
    for (const field of this.fields) {
      const isRenamed = this.#index.of(field.key).some((control) => this.#index.isRenamed(control, before));
      if (isRenamed) this.#report(field); // and keeps what it shows
      else if (isOther(before.of(field.key), this.#index.of(field.key))) this.#draw(field.key);
    }
    this.#follower?.follow(() => this.#reviewSoon(true)).then((fresh) => fresh.forEach((key) => this.#welcome(key)));
    this.dispatchEvent(new CustomEvent("change"));
  }

  #reviewRows() {
    const rows = this.#rows.review();
    if (rows.length === 0) return;
    this.#index = new ControlIndex(this.#form, this.#ids);
    const isFresh = (/** @type {Field} */ { key }) => rows.some((row) => key.startsWith(`${row}/`));
    for (const field of this.fields.filter(isFresh)) this.#begin(field, undefined);
  }

  /** @param {string} key of a field that has come. */
  #welcome(key) {
    const field = this.#fieldOf(key);
    if (field && !this.#stopped.signal.aborted) this.#begin(field, undefined);
  }

  /** Tell what the page computes, and what it has against a field; what is not stored or shown yet is not judged. */
  #heed(/** @type {Field} */ field) {
    const controls = this.#index.of(field.key);
    const record = this.#session.fields.get(field.key);
    if (!controls.every(({ isConnected }) => isConnected)) return; // their row has just gone
    const isKnown = record !== undefined || this.#session.fields.size > 0; // else there was no snapshot yet
    if (!isKnown || record?.pending || controls.some(isOccupied) || this.offers.has(field.key)) return;
    if (field.computed) this.#report(field);
    else this.#session.setProblem(field.key, problemOf(controls, field, record?.value ?? null));
  }
}

/**
 * @param {HandshakeSession} session
 * @param {HTMLFormElement} form
 * @param {Record<string, any>} given
 * @param {{follow?: boolean}} [settings]
 * @returns {() => void} undoes it.
 */
export function bind(session, form, given, settings) {
  const binding = new FormBinding(session, form, given, settings);
  return () => binding.stop();
}

/** Whether the person is in a control, with the window before them. @param {Control} control */
function isOccupied(control) {
  const active = rootOf(control).activeElement;
  return (active === control || (isWidget(control) && control.contains(active))) && document.hasFocus();
}

/** @param {Control[]} before @param {Control[]} after */
function isOther(before, after) {
  return after.some((control) => !before.includes(control));
}
