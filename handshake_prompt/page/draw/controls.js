/** Controls of a field, with its constraints as HTML has them: what a browser can check it does, the rest the server. */

import { inputTypeOf, isMany, kindOf, optionLabelOf, typeOf, valueOf } from "./kinds.js";
import { node } from "./nodes.js";

/** @typedef {import("../client.js").Field} Field */
/** @typedef {import("./words.js").Words} Words */
/**
 * @typedef {object} Place where a field is drawn.
 * @property {string} id
 * @property {string} name
 * @property {unknown} value to begin with.
 * @property {Words} words
 * @property {(part: string) => string} classOf the page's own class names.
 */

const LINES = 3;
const WITH_PATTERN = new Set(["email", "password", "search", "tel", "text", "url"]);
/** A time may have seconds, though nobody is asked for them. */
const WITH_SECONDS = new Set(["datetime-local", "time"]);

/** @param {Field} field @param {Place} place @returns {HTMLElement} the one control of a field. */
export function controlFor(field, { id, name, value, words, classOf }) {
  const { autocomplete, placeholder, example } = field;
  const hint = placeholder ?? (["string", "number"].includes(typeof example) ? example : undefined);
  const common = { id, name, class: classOf("control"), autocomplete, placeholder: hint };
  const kind = kindOf(field);
  if (kind === "checkbox") return node("input", { type: "checkbox", ...common, checked: value === true });
  if (kind === "file") return node("input", { type: "file", ...common, multiple: isMany(field) });
  if (kind === "select") return select(field, { ...common, placeholder: undefined }, value, words);
  if (kind === "lines") return node("textarea", { ...common, rows: LINES }, [value ?? []].flat().map(told).join("\n"));
  if (kind === "textarea") return node("textarea", { ...common, rows: LINES, ...lengths(field) }, told(value));
  return input(field, common, told(value));
}

/** @param {Field} field @param {Record<string, unknown>} common @param {string} text */
function input(field, common, text) {
  const type = inputTypeOf(field);
  const value = type === "datetime-local" ? text.replace(" ", "T") : text;
  const rules = WITH_PATTERN.has(type) ? ofText(field) : type === "color" ? {} : ofOrder(field, type);
  const list = hasSuggestions(field) ? suggestionsId(common.id) : undefined;
  return node("input", { type, ...common, value, list, ...rules });
}

/** Whether text that is no option is taken beside the options. @param {Field} field */
function hasSuggestions(field) {
  return kindOf(field) === "input" && (field.options ?? []).length > 0;
}

/** @param {unknown} id of a control. */
function suggestionsId(id) {
  return `${id}-options`;
}

/** @param {Field} field @param {Place} place @returns {HTMLElement | null} options beside which other text is taken. */
export function suggestionsFor(field, { id }) {
  if (!hasSuggestions(field)) return null;
  const options = /** @type {any[]} */ (field.options).map((option) =>
    node("option", { value: told(valueOf(option)) }, optionLabelOf(option)));
  return node("datalist", { id: suggestionsId(id) }, ...options);
}

/** @param {Field} field */
function ofText({ pattern, desc, ...field }) {
  const isKnown = pattern !== undefined && isPattern(pattern);
  return { ...lengths(field), ...(isKnown ? { pattern, title: desc } : {}) };
}

/** @param {{minLength?: number, maxLength?: number}} field */
function lengths({ minLength, maxLength }) {
  return { minlength: minLength, maxlength: maxLength };
}

/** Whether browsers read an expression of RE2's, too. @param {string} pattern */
function isPattern(pattern) {
  try {
    return Boolean(new RegExp(pattern, "v"));
  } catch {
    return false;
  }
}

/** @param {Field} field @param {string} type */
function ofOrder(field, type) {
  const { min, max, exclusiveMin, exclusiveMax } = field;
  const isNumber = type === "number" || type === "range";
  const step = field.step ?? (typeOf(field) === "integer" ? 1 : "any");
  return {
    min: min ?? (isNumber ? beyond(exclusiveMin, step, 1) : undefined),
    max: max ?? (isNumber ? beyond(exclusiveMax, step, -1) : undefined),
    step: isNumber || WITH_SECONDS.has(type) ? step : undefined,
  };
}

/**
 * The first step beyond a bound that is not included itself.
 *
 * @param {unknown} bound
 * @param {number | "any"} step
 * @param {1 | -1} direction
 * @returns {number | undefined}
 */
function beyond(bound, step, direction) {
  if (typeof bound !== "number" || step === "any") return undefined;
  const steps = Number((bound / step).toPrecision(12));
  const first = direction > 0 ? Math.floor(steps) + 1 : Math.ceil(steps) - 1;
  return Number((first * step).toPrecision(12));
}

/** @param {Field} field @param {Record<string, unknown>} common @param {unknown} value @param {Words} words */
function select(field, common, value, words) {
  const element = node("select", { ...common, multiple: isMany(field) });
  fillOptions(element, field, (option) => isChosen(option, value), words);
  return element;
}

/**
 * Put options into a select, under their headings.
 *
 * @param {HTMLSelectElement} element
 * @param {Field} field its options are those that there are now.
 * @param {(option: any) => boolean} isSelected
 * @param {Words} words
 */
export function fillOptions(element, field, isSelected, words) {
  /** @type {Map<string, HTMLElement>} */
  const groups = new Map();
  const none = node("option", { value: "" }, field.required ? words.choose : words.none);
  none.value = ""; // else its text
  element.replaceChildren(...(isMany(field) ? [] : [none]));
  for (const option of /** @type {any[]} */ (field.options ?? [])) {
    const { group: label, disabled } = /** @type {any} */ (option ?? {});
    if (label && !groups.has(label)) element.append(groups.set(label, node("optgroup", { label })).get(label) ?? "");
    const attributes = { value: told(valueOf(option)), selected: isSelected(option), disabled };
    (groups.get(label) ?? element).append(node("option", attributes, optionLabelOf(option)));
  }
}

/**
 * The options of a field to choose from, each with its control.
 *
 * @param {Field} field
 * @param {Place} place
 * @returns {HTMLElement[]}
 */
export function choicesFor(field, { id, name, value, classOf }) {
  const type = isMany(field) ? "checkbox" : "radio";
  return (field.options ?? []).map((option, index) => {
    const { desc, disabled } = /** @type {any} */ (option ?? {});
    const own = `${id}-${index + 1}`;
    const hint = desc ? node("p", { id: `${own}-hint`, class: classOf("hint") }, desc) : null;
    const named = { type, id: own, name, class: classOf("control"), "aria-describedby": hint?.id };
    const chosen = { value: told(valueOf(option)), checked: isChosen(option, value), "data-off": disabled };
    const control = node("input", { ...named, ...chosen });
    const label = node("label", { for: own, class: classOf("label") }, optionLabelOf(option));
    return node("div", { class: classOf("choice") }, control, label, hint);
  });
}

/** @param {any} option @param {unknown} value */
function isChosen(option, value) {
  return value !== undefined && [value].flat().some((each) => told(each) === told(valueOf(option)));
}

/** @param {unknown} value @returns {string} */
function told(value) {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}
