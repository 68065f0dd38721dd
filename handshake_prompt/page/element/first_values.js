/** Values that a form has when a session of it begins or goes on, and whose they are. */

import { isSame } from "../client/values.js";
import { valuesOf } from "../form.js";
import { ControlIndex } from "../form/control_index.js";
import { controlsOf, isChoice } from "../form/controls.js";
import { isChanged, readPublic } from "../form/values.js";
import { isWidget } from "../form/widgets.js";
import { isPersons } from "./field_facts.js";

/** @typedef {import("../client.js").Field} Field */
/** @typedef {import("../form/control_index.js").Row} Row */
/** @typedef {import("../form/controls.js").Control} Control */
/** @typedef {(string | number)[]} Path keys, and the places of rows: `["lines", 0, "amount"]`. Rows have no ids yet. */

/** Events with which a person begins to do something in a page. */
const BEGINNINGS = ["beforeinput", "drop", "keydown", "mousedown", "pointerdown", "touchstart"];

/** What is known of one form beyond what its controls say. */
export class FirstValues {
  /**
   * What agents wrote in sessions before: by staying there it is not made the person's. By key, and by control, since
   * rows have other keys in another session.
   *
   * @type {Map<string | Control, any>}
   */
  #left = new Map();
  /** @type {WeakSet<any>} Controls that the person has touched since the page was loaded. */
  #touched = new WeakSet();
  /** @type {WeakMap<Control, any>} What controls held before the person did anything: frameworks make it no default. */
  #came = new WeakMap();
  #isBegun = false;

  /**
   * Note what the person touches.
   *
   * @param {Document | ShadowRoot} root
   * @param {AbortSignal} signal
   * @param {() => HTMLFormElement | null} formOf
   */
  attend(root, signal, formOf) {
    this.#isBegun ||= !isUntouched();
    const begin = (/** @type {Event} */ event) => event.isTrusted && this.#begin(formOf());
    for (const name of BEGINNINGS) window.addEventListener(name, begin, { signal, capture: true });
    const touch = (/** @type {Event} */ event) => event.isTrusted && this.#touched.add(event.composedPath()[0]);
    const press = (/** @type {Event} */ event) => event.isTrusted && this.#touched.add(event.composedPath().find(isWidget) ?? event);
    for (const name of ["input", "change"]) root.addEventListener(name, touch, { signal, capture: true });
    root.addEventListener("click", press, { signal, capture: true });
  }

  /** Take what the controls hold for the page's own. @param {HTMLFormElement | null} form */
  #begin(form) {
    if (this.#isBegun || !form) return;
    this.#isBegun = true;
    for (const control of controlsOf(form)) this.#came.set(control, contentOf(control));
  }

  /**
   * Note what an agent leaves in the form, and what of it the person has made theirs.
   *
   * @param {import("../client.js").HandshakeSession} session
   * @param {import("../form.js").FormBinding | null} binding
   */
  leave({ fields }, binding) {
    for (const [key, { by, value }] of fields) {
      for (const place of [key, ...(binding?.controlsOf(key) ?? [])]) {
        if (by === "ai") this.#left.set(place, value);
        if (isPersons(by)) this.#left.delete(place);
      }
    }
  }

  /**
   * What a new session begins with. A list goes as a whole: with anything of the person's in it, to `context`.
   *
   * @param {HTMLFormElement} form
   * @param {Field[]} schema
   * @returns {{context: Record<string, any>, defaults: Record<string, any>}}
   */
  given(form, schema) {
    this.#begin(form);
    const values = valuesOf(form, schema);
    const shown = { ...values.defaults, ...values.context };
    const index = new ControlIndex(form);
    const given = { context: {}, defaults: {} };
    for (const field of schema.filter(({ key }) => key in shown)) {
      given[this.#isTheirs(index, field, shown[field.key]) ? "context" : "defaults"][field.key] = shown[field.key];
    }
    return given;
  }

  /**
   * What is not the person's in lists that are given as theirs, to be released at the beginning of the session.
   *
   * @param {HTMLFormElement} form
   * @param {Field[]} schema
   * @returns {Path[]}
   */
  openIn(form, schema) {
    const index = new ControlIndex(form);
    return schema.filter(({ type }) => type === "rows").flatMap((list) => {
      const rows = index.rows(list.key);
      return rows.some((row) => this.#isRowTheirs(row, list)) ? this.#openRows(rows, list, [list.key]) : [];
    });
  }

  /** @param {Row[]} rows @param {Field} list @param {Path} path of the list. @returns {Path[]} */
  #openRows(rows, list, path) {
    return rows.flatMap((row, place) => {
      if (!this.#isRowTheirs(row, list)) return [[...path, place]];
      return (list.fields ?? []).flatMap((cell) => this.#openCells(row, cell, [...path, place, cell.key]));
    });
  }

  /** @param {Row} row @param {Field} cell @param {Path} path of the cell. @returns {Path[]} */
  #openCells(row, cell, path) {
    if (cell.type === "rows") return this.#openRows(row.lists.get(cell.key) ?? [], cell, path);
    return this.#isCellTheirs(row, cell) ? [] : [path];
  }

  /** @param {ControlIndex} index @param {Field} field @param {any} value */
  #isTheirs(index, field, value) {
    if (field.type === "rows") return index.rows(field.key).some((row) => this.#isRowTheirs(row, field));
    const controls = index.of(field.key);
    return this.#isEdited(controls) && !this.#isLeft([field.key, ...controls], value);
  }

  /** Whether anything in a row is the person's. @param {Row} row @param {Field} list @returns {boolean} */
  #isRowTheirs(row, { fields = [] }) {
    return fields.some((cell) => cell.type === "rows"
      ? row.lists.get(cell.key)?.some((inner) => this.#isRowTheirs(inner, cell))
      : this.#isCellTheirs(row, cell));
  }

  /** @param {Row} row @param {Field} cell */
  #isCellTheirs({ cells }, cell) {
    const controls = cells.get(cell.key) ?? [];
    return this.#isEdited(controls) && !this.#isLeft(controls, readPublic(controls, cell));
  }

  /** Frameworks make what was typed the control's own default. @param {Control[]} controls */
  #isEdited(controls) {
    const isOther = (/** @type {Control} */ control) => isChanged(control) && this.#came.get(control) !== contentOf(control);
    return controls.some((control) => isOther(control) || this.#touched.has(control));
  }

  /** @param {(string | Control)[]} places @param {any} value */
  #isLeft(places, value) {
    return places.some((place) => this.#left.has(place) && isSame(this.#left.get(place), value));
  }

  /**
   * What the browser has restored in the controls after a reload is no edit, where the session knows better.
   *
   * @param {HTMLFormElement} form
   * @param {import("../client.js").HandshakeSession} session
   * @returns {Record<string, any>} by key, what is not to be reported.
   */
  restored(form, { schema, fields }) {
    const index = new ControlIndex(form);
    const { context, defaults } = valuesOf(form, schema);
    const shown = { ...defaults, ...context };
    const isKnown = (/** @type {[string, any]} */ [key, { by }]) =>
      (by === "ai" || isPersons(by)) && !index.of(key).some((control) => this.#touched.has(control));
    return Object.fromEntries([...fields].filter(isKnown).map(([key]) => [key, shown[key]]));
  }
}

/**
 * Whether nobody can have done anything in the page yet, nor have had it restored: a reload or a step back brings what
 * was typed before.
 */
function isUntouched() {
  const [arrival] = performance.getEntriesByType("navigation");
  const isNew = /** @type {PerformanceNavigationTiming | undefined} */ (arrival)?.type === "navigate";
  return isNew && navigator.userActivation?.hasBeenActive === false;
}

/** @param {Control} control */
function contentOf(control) {
  if (control instanceof HTMLSelectElement) return JSON.stringify([...control.selectedOptions].map(({ value }) => value));
  return isChoice(control) ? control.checked : control.value;
}

/**
 * Let the agent write what is not the person's, once the session's rows are known.
 *
 * @param {import("../client.js").HandshakeSession} session
 * @param {Path[]} paths
 */
export function release(session, paths) {
  for (const path of paths) {
    const key = path.reduce((start, step) => `${start}/${typeof step === "number" ? session.rows(String(start))[step] : step}`);
    const isRow = typeof path[path.length - 1] === "number";
    if (isRow || isPersons(session.fields.get(String(key))?.by)) session.release(String(key));
  }
}
