/** Kinds of controls: which one a field is drawn as. SPEC.md section 5. */

/** @typedef {import("../client.js").Field} Field */
/** @typedef {"rows" | "file" | "checkbox" | "switch" | "radio" | "checkboxes" | "select" | "lines" | "textarea" | "input"} Kind */

/** Other names of types. @type {Record<string, string>} */
const SYNONYMS = {
  ...{ bool: "boolean", float: "number", int: "integer", str: "string", text: "string", textarea: "string" },
  ...{ radio: "enum", select: "enum", "select-multiple": "enum", "select-one": "enum" },
};
/** By type or format: that of the input. @type {Record<string, string>} */
const INPUTS = {
  ...{ color: "color", date: "date", datetime: "datetime-local", "datetime-local": "datetime-local", month: "month" },
  ...{ email: "email", integer: "number", number: "number", password: "password", range: "range", search: "search" },
  ...{ tel: "tel", time: "time", uri: "url", url: "url", week: "week" },
};
/** Types that nothing is drawn for: they have controls of a page's own, or none. */
const UNDRAWN = new Set(["captcha", "hidden", "signature"]);
const NUMBERS = new Set(["float", "int", "integer", "number"]);
/** Formats that are written otherwise than controls of that name do: with an offset. */
const WITH_OFFSET = new Set(["date-time", "time"]);
const LIST = /^array(?:[<[:]([\w-]+)[>\]]?)?/;
/** Characters that one line has room for. */
const LINE = 200;
/** Up to so many options are all in view. */
const FEW = 5;

/** @param {Field} field @returns {string} its type, in its shortest name; text is what has room for several. */
export function typeOf({ type = "string", options }) {
  const [named, ...others] = [type].flat();
  if (others.length > 0) return [named, ...others].every((each) => NUMBERS.has(each)) ? "number" : "string";
  const entry = LIST.exec(named)?.[1] ?? (LIST.test(named) ? "string" : named);
  if (entry === "checkbox") return options ? "enum" : "boolean";
  return SYNONYMS[entry] ?? entry;
}

/** Whether the value of a field is a list. @param {Field} field */
export function isMany({ type = "string", options, multiple }) {
  const [named] = [type].flat();
  return Boolean(multiple) || LIST.test(named) || named === "select-multiple" || (named === "checkbox" && Boolean(options));
}

/** @param {Field} field @returns {Kind | null} null if nothing is drawn. */
export function kindOf(field) {
  const type = typeOf(field);
  if (UNDRAWN.has(type)) return null;
  if (type === "rows" || type === "file") return type;
  if (type === "boolean") return field.nullable ? "switch" : "checkbox";
  const options = field.options ?? [];
  if (options.length > 0 && !field.open && !field.lookup && !field.repeats) return choiceKindOf(field, options);
  if (isMany(field)) return "lines";
  return isLong(field, type) ? "textarea" : "input";
}

/** Whether a text has several lines. @param {Field} field @param {string} type */
function isLong(field, type) {
  if (type === "json" || field.multiline || field.type === "textarea") return true;
  return type === "string" && inputTypeOf(field) === "text" && !field.pattern && (field.maxLength ?? 0) > LINE;
}

/** @param {Field} field @param {any[]} options @returns {Kind} */
function choiceKindOf(field, options) {
  if (options.length === 1 && valueOf(options[0]) === true) return "checkbox"; // a consent
  const isShort = options.length <= FEW && !options.some((option) => option?.group);
  if (isMany(field)) return isShort ? "checkboxes" : "select";
  return isShort ? "radio" : "select";
}

/** @param {Field} field @returns {string} */
export function inputTypeOf(field) {
  const { format = "" } = field;
  return INPUTS[typeOf(field)] ?? (WITH_OFFSET.has(format) ? "text" : INPUTS[format]) ?? "text";
}

/** @param {any} option @returns {any} */
export function valueOf(option) {
  return typeof option === "object" && option !== null ? option.value : option;
}

/** @param {any} option @returns {string} */
export function optionLabelOf(option) {
  return String(option?.label ?? valueOf(option));
}

/** @param {Field} field @returns {string} what it is called: the last step of its key, where it has no label. */
export function labelOf({ key, label }) {
  if (label) return label;
  const words = (key.split("/").at(-1) ?? key).replaceAll("~1", "/").replaceAll("~0", "~").replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
