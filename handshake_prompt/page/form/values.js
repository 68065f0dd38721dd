/** Values of controls, read in the type of their field, and shown in the way each kind of control needs. */

import { isSame } from "../client/values.js";
import { attributeOf } from "./clobbering.js";
import { announce, isChoice, isChoosable, isCustom, setState, stateOf } from "./controls.js";
import { isSecret } from "./secrets.js";

/** @typedef {import("./controls.js").Control} Control */
/** @typedef {import("../client.js").Field} Field */

/** The present content is no value, such as half a number. */
export const UNREADABLE = Symbol("unreadable");

/** What a value may have, in bytes of JSON. */
const VALUE_BYTES = 32_768;
/** Bytes of one character in JSON: `\u0001`. */
const LONGEST_ESCAPE = 6;

const NUMERIC = /^(?:array[<[:])?(?:int|integer|float|number)\b/;
const TEXT = /^(?:array[<[:])?(?:str|string)\b/;

/**
 * Return the value in the controls of a field, in the field's type.
 *
 * @param {Control[]} controls
 * @param {Field} field
 * @returns {any} `UNREADABLE` if they say nothing that is a value.
 */
export function read(controls, field) {
  const [control] = controls;
  if (!control || control.type === "file" || control.validity?.badInput) return UNREADABLE;
  if (isChoice(control)) return readChoices(controls, field);
  if (control.type === "select-multiple") return [...control.selectedOptions].map(({ value }) => typed(value, field));
  if (control.type === "select-one" && isUndecided(control)) return typed("", field);
  if (isCustom(control)) return readCustom(control, field);
  if (controls.length > 1) return filledOnes(controls).map((each) => readText(each, field));
  if (isList(field)) return entriesIn(control).map((each) => typed(each, field));
  return readText(control, field);
}

/** Whether a select shows an option that is none to choose. @param {HTMLSelectElement} select */
function isUndecided({ selectedOptions: [option] }) {
  return option !== undefined && !isChoosable(option);
}

/** @param {Control[]} controls @param {Field} field */
function readChoices(controls, field) {
  const [control] = controls;
  const checked = controls.filter((each) => each.checked).map((each) => typed(choiceValueOf(each, controls), field));
  if (control.type === "radio") return checked[0] ?? null;
  if (controls.length > 1 || isList(field)) return checked;
  if (!field.options) return control.checked;
  const values = field.options.map(valueOf);
  if (!values.includes(true)) return checked[0] ?? null;
  return control.checked || (values.includes(false) ? false : null);
}

/** @param {Control} control @param {Field} field */
function readCustom(control, field) {
  const value = stateOf(control);
  return typeof value === "string" ? typed(value, field) : (value ?? null);
}

/** @param {Control} control @param {Field} field */
function readText(control, field) {
  if (control.type === "number" || control.type === "range") return number(control.value);
  if (control.type === "datetime-local" && control.value.length === 16) return `${control.value}:00`;
  if (field.type === "json") return parsed(control.value);
  return typed(control.value, field);
}

/**
 * What is filled in of a row, with the rows in it.
 *
 * @param {import("./control_index.js").Row} row
 * @param {Field} list
 * @returns {Record<string, any>}
 */
export function cellsOf({ cells, lists }, { fields = [] }) {
  const values = fields.map((cell) => {
    const rows = lists.get(cell.key) ?? [];
    const value = cell.type === "rows" ? rows.map((row) => cellsOf(row, cell)) : readPublic(cells.get(cell.key) ?? [], cell);
    return [cell.key, value];
  });
  return Object.fromEntries(values.filter(([, value]) => value !== UNREADABLE && isSomething(value)));
}

/** @param {any} value */
function isSomething(value) {
  return Array.isArray(value) ? value.length > 0 : String(value ?? "") !== "";
}

/** Whether anything in a row was changed. @param {import("./control_index.js").Row} row @returns {boolean} */
export function isTouched({ cells, lists }) {
  return [...cells.values()].flat().some(isChanged) || [...lists.values()].flat().some(isTouched);
}

/** What `read` returns, but nothing of a secret, or of what no field takes. @param {Control[]} controls @param {Field} field */
export function readPublic(controls, field) {
  return controls.some(isSecret) || controls.some(isOverlong) ? UNREADABLE : read(controls, field);
}

/** Whether a text is longer than a value may be: it stays in its control, and is the page's alone. @param {Control} control */
export function isOverlong({ value }) {
  if (typeof value !== "string" || value.length <= VALUE_BYTES / LONGEST_ESCAPE) return false;
  return new TextEncoder().encode(JSON.stringify(value)).length > VALUE_BYTES;
}

/** The controls of a list up to the last one that is filled. @param {Control[]} controls */
function filledOnes(controls) {
  return controls.slice(0, controls.findLastIndex(({ value }) => value !== "") + 1);
}

/** The entries of a list in one control: lines, or addresses with commas between. @param {Control} control */
function entriesIn({ value, type, multiple }) {
  const separator = type === "email" && multiple ? "," : "\n";
  return value.split(separator).map((entry) => entry.trim()).filter(Boolean);
}

/**
 * Whether controls say a value in their own way: seconds of zero left out, a colour in lower case, lines that end alike.
 *
 * @param {Control[]} controls
 * @param {Field} field
 * @param {any} shown what `read` returns of them.
 * @param {any} value
 */
export function isAlike([control], { type, format }, shown, value) {
  if (isSame(shown, value)) return true;
  const plain = (/** @type {any} */ each) => {
    const text = String(each ?? "").replace("T", " ");
    if (type === "time" || type === "datetime") return text.replace(/(\d\d:\d\d):00(?:\.0+)?$/, "$1");
    return format === "color" ? text.toLowerCase() : text.replace(/\r\n?/g, "\n");
  };
  // A box is unchecked where it was never touched; a button or an option that says "no" was chosen.
  const isBox = control.type !== "radio" && control.type !== "select-one";
  const isEmptySwitch = isBox && shown === false && (value ?? null) === null;
  return plain(shown) === plain(value) || isEmptySwitch;
}

/**
 * Make the controls of a field show a value, as if it were given in: with the prototype's own setter, which frameworks
 * do not overhear, and the events they wait for. Controls that show it already are left alone, and the caret in them.
 *
 * @param {Control[]} controls
 * @param {Field} field
 * @param {any} value
 */
export function show(controls, field, value) {
  const [control] = controls;
  if (!control || control.type === "file" || isSame(read(controls, field), value)) return;
  const said = (Array.isArray(value) ? value : [value]).map(text);
  if (isChoice(control)) controls.forEach((each) => check(each, value === true || said.includes(choiceValueOf(each, controls))));
  else if (control instanceof HTMLSelectElement) choose(control, said);
  else if (isCustom(control)) setState(control, value);
  else if (controls.length > 1) controls.forEach((each, index) => fill(each, said[index] ?? ""));
  else fill(control, Array.isArray(value) ? said.join(control.type === "email" ? ", " : "\n") : said[0]);
}

/** @param {any} value */
function text(value) {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}

/** Check or uncheck a control. Frameworks hear of the click alone; one of several cannot be clicked off. */
function check(control, isOn) {
  if (control.checked === isOn) return;
  // A disabled one takes no click.
  if (control.matches(":disabled")) return void (set(control, "checked", isOn), announce(control));
  if (isOn || control.type === "checkbox") control.click();
  if (control.checked === isOn || control.type === "checkbox") return;
  set(control, "checked", isOn);
  announce(control);
}

/** @param {HTMLSelectElement} select @param {string[]} values */
function choose(select, values) {
  const chosen = [...select.options].filter(({ value }) => values.includes(value));
  if (select.multiple) for (const option of select.options) option.selected = chosen.includes(option);
  else select.selectedIndex = (chosen[0] ?? blankOf(select))?.index ?? -1;
  announce(select);
}

/** @param {HTMLSelectElement} select @returns {HTMLOptionElement | undefined} the option for no choice. */
function blankOf({ options: [first] }) {
  return first && !isChoosable(first) ? first : undefined;
}

/** @param {Control} control @param {string} value */
function fill(control, value) {
  set(control, "value", control.type === "datetime-local" ? value.replace(" ", "T") : value);
  announce(control);
}

/** @param {Control} control @param {string} property @param {any} value */
function set(control, property, value) {
  const prototype = control instanceof HTMLTextAreaElement ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
  /** @type {any} */ (Object.getOwnPropertyDescriptor(prototype, property)).set.call(control, value);
}

/** Whether the person, or their browser, has made another value of a control than the page's. @param {Control} control */
export function isChanged(control) {
  if (isCustom(control)) return false;
  if (isChoice(control)) return control.checked !== control.defaultChecked;
  if (control instanceof HTMLInputElement) return control.value !== initialValueOf(control);
  if (control instanceof HTMLTextAreaElement) return control.value !== control.defaultValue;
  const options = [...control.options];
  const isList = control.multiple || control.size > 1; // of which nothing need be chosen
  const isMarked = isList || options.some(({ defaultSelected }) => defaultSelected);
  const first = options.find(({ disabled }) => !disabled); // is chosen where the page marks none
  return options.some((option) => option.selected !== (isMarked ? option.defaultSelected : option === first));
}

/** What a browser makes of the value that the page came with: a colour is black, a range in its middle. */
function initialValueOf(input) {
  const fresh = document.createElement("input");
  for (const name of ["multiple", "min", "max", "step", "value", "type"]) {
    const declared = attributeOf(input, name);
    if (declared !== null) fresh.setAttribute(name, declared);
  }
  return fresh.value;
}

/** Whether a control holds anything. @param {Control[]} controls */
export function isFilled(controls) {
  return controls.some((control) => (isChoice(control) ? control.checked : Boolean(control.value)));
}

/**
 * The value that choosing a control stands for. Radio buttons without one all say "on" and are told apart by id, or else
 * by their places.
 *
 * @param {Control} control
 * @param {Control[]} controls those to choose from.
 * @returns {string}
 */
export function choiceValueOf(control, controls) {
  const alike = controls.filter(({ value }) => value === control.value);
  const isNameless = control.type === "radio" && attributeOf(control, "value") === null;
  if ((alike.length > 1 || isNameless) && control.id) return control.id;
  const place = alike.indexOf(control);
  return place > 0 ? `${control.value}-${place + 1}` : control.value;
}

/** @param {Field} field */
function isList({ multiple, type }) {
  return Boolean(multiple) || /^array/.test(String(type ?? ""));
}

/** @param {any} option */
function valueOf(option) {
  return typeof option === "object" && option !== null ? option.value : option;
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
  const types = [type].flat();
  if (text === "") return types.some((each) => TEXT.test(each)) ? "" : null;
  if (types.some((each) => NUMERIC.test(each)) && Number.isFinite(Number(text))) return number(text);
  if (types.some((each) => /^bool/.test(each)) && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** @param {string} text @returns {any} what the JSON in it stands for. */
function parsed(text) {
  try {
    return text.trim() === "" ? null : JSON.parse(text);
  } catch {
    return UNREADABLE;
  }
}

/** Convert a text to a number. Beyond a browser's exact integers it stays its digits. */
function number(text) {
  const value = Number(text);
  if (text.trim() === "") return null;
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)) ? value : text;
}
