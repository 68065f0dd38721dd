/**
 * Two-way binding of a form's own controls to a session's fields: reading and showing a value, by kind of control.
 * Controls are found by name, which a group of radio buttons or checkboxes has in common.
 */

import { isSame } from "./values.js";

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */
/** @typedef {import("../client.js").Field} Field */

/** The present content is no value, such as half a number. */
const UNREADABLE = Symbol("unreadable");
/** Controls whose value is not the person's to write, or cannot be shown. */
const WITHOUT_VALUE = new Set(["button", "file", "image", "output", "fieldset", "object", "reset", "submit"]);
const NUMERIC = /^(?:array[<[:])?(?:int|integer|float|number)\b/;
const TEXT = /^(?:array[<[:])?(?:str|string)\b/;

/** The form's own list, which an `<input name="elements">` hides. */
const elements = /** @type {any} */ (Object.getOwnPropertyDescriptor(HTMLFormElement.prototype, "elements")).get;

/**
 * The values of a form for `HandshakeSession.create`: the person's changes are theirs, the page's own values are open
 * to the agent. Only fields of the schema are read.
 *
 * @param {HTMLFormElement} form
 * @param {Field[]} schema
 * @returns {{context: Record<string, any>, defaults: Record<string, any>}}
 */
export function valuesOf(form, schema) {
  const values = { context: {}, defaults: {} };
  for (const field of schema) {
    const controls = named(form, field.key);
    const value = read(controls, field);
    if (value !== UNREADABLE) values[controls.some(isChanged) ? "context" : "defaults"][field.key] = value;
  }
  return values;
}

/**
 * Show a session's fields in a form, and report the person's edits there.
 *
 * @param {import("../client.js").HandshakeSession} session
 * @param {HTMLFormElement} form
 * @param {Record<string, any>} given the values at creation: edits since then are reported at once.
 * @returns {() => void} undoes it.
 */
export function bind(session, form, given) {
  const stop = new AbortController();
  const { signal } = stop;
  const fields = () => (session.schema.length > 0 ? session.schema : Object.keys(given).map((key) => ({ key })));
  const fieldOf = (key) => fields().find((field) => field.key === key);

  /** @param {Field | undefined} field */
  function draw(field) {
    const controls = field ? named(form, field.key) : [];
    // Of a minus sign, or of half a date, nothing could be put back: the field is shown once the person leaves it.
    if (controls.some(isUnfinished)) controls[0].addEventListener("blur", () => draw(field), { once: true, signal });
    else if (field) show(controls, field, session.fields.get(field.key)?.value ?? null);
  }

  /** @param {Field | undefined} field @param {boolean} [isNew] */
  function report(field, isNew = true) {
    const value = field && isNew ? read(named(form, field.key), field) : UNREADABLE;
    if (field && value !== UNREADABLE) session.edit(field.key, value);
  }

  const hear = ({ target }) => target.form === form && report(fieldOf(target.name));
  const root = form.getRootNode();
  root.addEventListener("input", hear, { signal });
  root.addEventListener("change", hear, { signal });
  // The event comes ahead of the reset.
  form.addEventListener("reset", () => setTimeout(() => fields().forEach((field) => report(field))), { signal });
  session.addEventListener("field", (/** @type {any} */ { detail }) => draw(fieldOf(detail.key)), { signal });

  for (const field of fields()) {
    const controls = named(form, field.key);
    report(field, controls.some(isChanged) && !isSame(read(controls, field), given[field.key]));
    if (session.fields.has(field.key)) draw(field);
  }
  return () => stop.abort();
}

/** @param {HTMLFormElement} form @param {string} key @returns {Control[]} */
function named(form, key) {
  return [...elements.call(form)].filter(({ name, type }) => name === key && !WITHOUT_VALUE.has(type));
}

/** Whether the person, or their browser, has made another value of a control than the page's. @param {any} control */
function isChanged(control) {
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  if (!(control instanceof HTMLSelectElement)) return control.value !== control.defaultValue;
  const options = [...control.options];
  const isMarked = control.multiple || options.some(({ defaultSelected }) => defaultSelected);
  const first = options.find(({ disabled }) => !disabled); // is chosen where the page marks none
  return options.some((option) => option.selected !== (isMarked ? option.defaultSelected : option === first));
}

/** Whether the person is in the middle of something that is no value yet. @param {Control} control */
function isUnfinished(control) {
  const root = /** @type {Document | ShadowRoot} */ (control.getRootNode());
  return control.validity?.badInput && root.activeElement === control;
}

/**
 * Return the value in the controls of a field, in the field's type.
 *
 * @param {any[]} controls
 * @param {Field} field
 * @returns {any} `UNREADABLE` if they say nothing that is a value.
 */
function read(controls, field) {
  const [control] = controls;
  if (!control || control.validity?.badInput) return UNREADABLE;
  const checked = controls.filter((each) => each.checked).map(({ value }) => typed(value, field));
  if (control.type === "radio") return checked[0] ?? null;
  if (control.type === "checkbox") {
    if (controls.length > 1 || isList(field)) return checked;
    return isSwitch(field) ? control.checked : (checked[0] ?? null);
  }
  if (control.type === "select-multiple") return [...control.selectedOptions].map(({ value }) => typed(value, field));
  if (control.type === "textarea" && isList(field)) return linesOf(control.value).map((line) => typed(line, field));
  if (control.type === "number" || control.type === "range") return number(control.value);
  if (control.type === "datetime-local" && control.value.length === 16) return `${control.value}:00`;
  return typed(control.value, field);
}

/**
 * Make the controls of a field show a value. One that shows it already is left alone, and the caret in it.
 *
 * @param {any[]} controls
 * @param {Field} field
 * @param {any} value
 */
function show(controls, field, value) {
  const [control] = controls;
  if (!control || isSame(read(controls, field), value)) return;
  const said = (Array.isArray(value) ? value : [value]).map((each) => String(each ?? ""));
  if (control.type === "radio" || control.type === "checkbox") {
    for (const each of controls) each.checked = value === true || said.includes(each.value);
  } else if (control.type === "select-multiple") {
    for (const option of control.options) option.selected = said.includes(option.value);
  } else if (control.type === "datetime-local") {
    control.value = said[0].replace(" ", "T");
  } else if (Array.isArray(value)) {
    control.value = said.join("\n");
  } else {
    control.value = typeof value === "object" && value !== null ? JSON.stringify(value) : said[0];
  }
}

/** @param {Field} field */
function isList({ multiple, type }) {
  return Boolean(multiple) || /^array/.test(type ?? "");
}

/** Whether a lone checkbox is on or off, and not one choice of a kind. @param {Field} field */
function isSwitch({ options }) {
  return !options || options.some((option) => valueOf(option) === true);
}

/** @param {any} option */
function valueOf(option) {
  return typeof option === "object" && option !== null ? option.value : option;
}

function linesOf(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

/**
 * Convert a text to the type of a field. A person's text is never refused: it stays text where it does not fit.
 *
 * @param {string} text
 * @param {Field} field
 */
function typed(text, { type = "string", options }) {
  const option = options?.find((each) => String(valueOf(each)) === text);
  if (option !== undefined) return valueOf(option);
  if (text === "") return TEXT.test(type) ? "" : null;
  if (NUMERIC.test(type)) return number(text);
  if (/^bool/.test(type) && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** Convert a text to a number. Beyond a browser's exact integers it stays its digits. */
function number(text) {
  const value = Number(text);
  if (text.trim() === "") return null;
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)) ? value : text;
}
