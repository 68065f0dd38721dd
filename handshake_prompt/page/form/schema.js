/** Schema of a form as its own controls declare it: types, constraints, options, labels. SPEC.md section 5. */

import { isChoiceList } from "./choice_lists.js";
import { attributeOf } from "./clobbering.js";
import { controlsOf, controlsWithin, grouped, isCustom, nameOf, stateOf } from "./controls.js";
import {
  descriptionOf, groupLabelOf, headingOf, isSaidOptional, isSaidRequired, labelOf, listLabelOf,
} from "./labels.js";
import { choices, compact, drawn, selection, suggestions } from "./options.js";
import { blankRow, cellKeyOf, listsOf, outsideOf, rowsIn } from "./rows.js";
import { divided } from "./remainder.js";
import { isSecret } from "./secrets.js";
import { isConsent, isLeftOut, isMarked } from "./standing.js";
import { isFilled } from "./values.js";

/** @typedef {import("./controls.js").Control} Control */
/** @typedef {import("./controls.js").Group} Group */
/** @typedef {import("../client.js").Field} Field */

/** @type {Record<string, object>} */
const TYPES = {
  color: { type: "string", format: "color" },
  date: { type: "date" },
  "datetime-local": { type: "datetime" },
  email: { type: "email" },
  file: { type: "file" },
  month: { type: "string", format: "month" },
  tel: { type: "string", format: "tel" },
  textarea: { type: "string", multiline: true },
  time: { type: "time" },
  url: { type: "string", format: "uri" },
  week: { type: "string", format: "week" },
};
const WITH_PATTERN = new Set(["email", "search", "tel", "text", "url"]);
const WITH_BOUNDS = new Set(["date", "datetime-local", "month", "time", "week"]);
/** What `readonly` applies to (HTML, section 4.10.5). */
const CAN_BE_READ_ONLY = new Set([...WITH_PATTERN, ...WITH_BOUNDS, "number", "password", "textarea"]);
/** Controls whose steps are counted in seconds. */
const TIMED = new Set(["datetime-local", "time"]);
/** The step, in seconds, of controls that do not name one (HTML, sections 4.10.5.1.10 and 11). */
const SECONDS_STEP = 60;
/** What the patterns of a schema may be together; a browser checks those beyond it on its own. */
const PATTERN_CHARS = 4_000;
/** What one of them may be. */
const ONE_PATTERN_CHARS = 512;
/** Set notation in a class (ECMAScript, flag `v`), escapes left out. */
const SETS = /\[[^\]]*(?:\[|--|&&|\\q\{)/;
/** A year that no schema's bound has, though a browser's does. */
const DISTANT = /^\d{5}/;

/**
 * Derive the fields of a form from its controls, as many as one schema has room for.
 *
 * @param {HTMLFormElement} form
 * @returns {Field[]}
 */
export function schemaOf(form) {
  return divided(entriesOf(form))[0];
}

/** @param {HTMLFormElement} form @returns {Field[]} all of them. */
export function entriesOf(form) {
  const lists = listsOf(form);
  const groups = fieldGroups(form, outsideOf(controlsOf(form), lists));
  return [...described(groups, form), ...lists.flatMap((list) => rowsEntry(list, form))];
}

/**
 * The groups of controls that are fields.
 *
 * @param {HTMLFormElement} form
 * @param {Control[]} controls
 * @returns {Group[]}
 */
export function fieldGroups(form, controls) {
  return grouped(controls.filter((control) => !isLeftOut(control, form)));
}

/**
 * The groups of controls in a row, those in rows within left out.
 *
 * @param {HTMLFormElement} form
 * @param {Element} row
 * @param {number} [depth] how many rows are around it.
 * @returns {Group[]}
 */
export function cellGroups(form, row, depth = 0) {
  const controls = outsideOf([...controlsWithin(row)], listsOf(row)).filter((control) => !isLeftOut(control, form));
  return grouped(controls, (control) => cellKeyOf(control, depth));
}

/**
 * @param {import("./rows.js").List} list
 * @param {HTMLFormElement} form
 * @param {number} [depth]
 * @returns {Field[]} nothing without an example.
 */
function rowsEntry(list, form, depth = 0) {
  // Components in a template are none yet: a row that is there tells more.
  for (const example of [blankRow(list), rowsIn(list)[0]].filter((each) => each instanceof Element)) {
    const cells = described(cellGroups(form, example, depth), form);
    const fields = [...cells, ...listsOf(example).flatMap((inner) => rowsEntry(inner, form, depth + 1))];
    const label = listLabelOf(list.container);
    if (fields.length > 0) return [compact({ key: list.key, label, type: "rows", fields })];
  }
  return [];
}

/** @param {Group[]} groups @param {HTMLFormElement} form @returns {Field[]} */
function described(groups, form) {
  let room = PATTERN_CHARS;
  // A form that marks what is optional, and nothing as required, asks for the rest.
  const isUsual = groups.some(({ controls }) => isSaidOptional(controls)) && !groups.some(({ controls }) => isRequired(controls));
  return groups.map((group) => {
    const entry = entryOf(group, form, isUsual);
    room -= entry.pattern?.length ?? 0;
    if (room < 0) delete entry.pattern;
    return entry;
  });
}

/** @param {Group} group @param {HTMLFormElement} form @param {boolean} isUsual whether fields are required. @returns {any} */
function entryOf({ key, controls }, form, isUsual) {
  const [control] = controls;
  const label = isOneOfSeveral(controls) ? groupLabelOf(controls) : labelOf(control);
  const kind = kindOf(controls, label);
  const isPersons = kind.type === "file" || kind.by || isMarked(control, "person") || controls.some(isSecret);
  return compact({
    key,
    label,
    group: headingOf(controls, form),
    ...kind,
    by: isPersons ? "person" : undefined,
    required: isRequired(controls, isUsual) || undefined,
    sensitive: isMarked(control, "sensitive") || undefined,
    ...(isFixed(controls) ? { readOnly: true, computed: true } : {}),
    desc: descriptionOf(control),
    ...hintsOf(control, label),
  });
}

/** Radio buttons, or checkboxes of which each is a value in a list. @param {Control[]} controls */
function isOneOfSeveral(controls) {
  const [{ type }] = controls;
  return type === "radio" || (type === "checkbox" && (controls.length > 1 || nameOf(controls[0]).endsWith("[]")));
}

/**
 * Whether an answer is asked for. A secret that is filled in is not missing, though the server has no value.
 *
 * @param {Control[]} controls
 * @param {boolean} [isUsual] whether a field is required that is not said to be optional.
 */
function isRequired(controls, isUsual = false) {
  const [control] = controls;
  const isDeclared = (/** @type {Control} */ each) => each.required || attributeOf(each, "aria-required") === "true";
  const group = control.type === "radio" ? control.closest("[role=radiogroup]") : null;
  const isBox = control.type === "checkbox";
  if (isBox && controls.length > 1) return false;
  const isAsked = [...controls, ...(group ? [group] : [])].some(isDeclared) || isSaidRequired(controls);
  const isUnsaid = isUsual && !isBox && !isSaidOptional(controls);
  return (isAsked || isUnsaid) && !(controls.some(isSecret) && isFilled(controls));
}

/** @param {Control[]} controls */
function isFixed(controls) {
  const says = (/** @type {Control} */ control, /** @type {string} */ name) => attributeOf(control, name) === "true";
  const isClosed = (/** @type {Control} */ control) =>
    (control.readOnly === true && (isCustom(control) || CAN_BE_READ_ONLY.has(control.type))) ||
    control.matches(":disabled") || says(control, "aria-readonly") || says(control, "aria-disabled");
  return controls.every(isClosed) || isMarked(controls[0], "readonly");
}

/** @param {Control} control @param {string} label */
function hintsOf(control, label) {
  const placeholder = control.placeholder !== label ? control.placeholder : undefined;
  const autocomplete = attributeOf(control, "autocomplete")?.trim();
  const isToken = !/^(?:on|off)?$/i.test(autocomplete ?? "");
  return { placeholder, autocomplete: isToken ? autocomplete : undefined, inputmode: control.inputMode };
}

// ---- kinds of controls

/** @param {Control[]} controls @param {string} label @returns {any} the members that say which values are taken. */
function kindOf(controls, label) {
  const [control] = controls;
  if (isOneOfSeveral(controls)) return choices(controls);
  if (control.type === "checkbox") return switched(control, label);
  if (control instanceof HTMLSelectElement) return selection(control);
  if (isCustom(control)) return custom(control);
  const kind = control.type === "number" || control.type === "range" ? numeric(control) : textual(control);
  if (control.type === "email" && control.multiple) return { ...kind, multiple: true };
  return controls.length > 1 ? listed(kind, controls.length) : kind;
}

/** Several controls of one name: the entries of a list, in their order. @param {any} kind @param {number} count */
function listed({ minLength, maxLength, ...kind }, count) {
  const each = compact({ minLength, maxLength });
  const bounds = Object.keys(each).length > 0 ? each : undefined;
  return { ...kind, multiple: true, repeats: true, maxLength: count, each: bounds };
}

/** @param {Control} control @param {string} label */
function switched(control, label) {
  const isAsked = isRequired([control]);
  const by = isAsked || isConsent(control, label) ? "person" : undefined;
  return isAsked ? { type: "enum", options: [true], by } : { type: "boolean", by };
}

/** @param {Control} control a form-associated custom element: its value tells its kind. */
function custom(control) {
  if (isChoiceList(control)) return drawn(control);
  if (typeof stateOf(control) === "boolean") return { type: "boolean" };
  if (control.isContentEditable) return TYPES.textarea;
  const options = [...control.querySelectorAll("option, [role=option]")].map((each) => each.value ?? "").filter(Boolean);
  const multiple = Array.isArray(control.value) || undefined;
  if (options.length > 0) return { type: "enum", multiple, options };
  const isNumber = typeof control.value === "number" || control.type === "number";
  return { type: isNumber ? "number" : "string", ...TYPES[control.type], multiple };
}

/** @param {HTMLInputElement} input */
function numeric(input) {
  const isRange = input.type === "range";
  const min = boundIn(input.min) ?? (isRange ? 0 : undefined);
  const most = boundIn(input.max) ?? (isRange ? 100 : undefined);
  const max = isReversed(min, most) ? (isRange ? min : undefined) : most;
  const step = input.step.toLowerCase() === "any" ? undefined : (positive(numberIn(input.step)) ?? 1);
  // Steps are counted from `min`, or else from the value that the page came with (HTML, section 4.10.5.3.8).
  const base = min ?? numberIn(attributeOf(input, "value")) ?? 0;
  const isWhole = step !== undefined && Number.isInteger(step) && Number.isInteger(base);
  const isTold = step !== undefined && !(isWhole && step === 1) && (min !== undefined || isMultiple(base, step));
  return { type: isWhole ? "integer" : "number", min, max, step: isTold ? step : undefined };
}

/** @param {Control} control */
function textual(control) {
  const kind = { type: "string", ...TYPES[control.type] };
  if (control.type === "file") return { ...kind, accept: control.accept, multiple: control.multiple || undefined };
  if (WITH_BOUNDS.has(control.type)) return bounded(kind, compact(periodic(control)), control.type);
  const { minLength, maxLength } = control;
  const longest = maxLength >= 0 ? maxLength : undefined;
  const lengths = { minLength: isReversed(minLength, longest) ? undefined : positive(minLength), maxLength: longest };
  const pattern = WITH_PATTERN.has(control.type) && !isSecret(control) ? patternOf(control) : undefined;
  return { ...kind, ...lengths, pattern, ...suggestions(control) };
}

/** A text in the format of a month or a week has no bounds; the types of these names have. */
function bounded(kind, bounds, type) {
  const isPlain = Object.keys(bounds).length === 0 || !kind.format;
  return { ...(isPlain ? kind : { type }), ...bounds };
}

/** @param {HTMLInputElement} input for dates and times. */
function periodic(input) {
  const bounds = [input.min, input.max].map((bound) => sanitized(input.type, bound) || undefined);
  const [min, max] = bounds.map((bound) => (DISTANT.test(bound ?? "") ? undefined : bound));
  const usual = TIMED.has(input.type) ? SECONDS_STEP : undefined;
  const step = input.step.toLowerCase() === "any" ? undefined : (positive(numberIn(input.step)) ?? usual);
  return isReversed(min, max) ? { step } : { min, max, step }; // a time around midnight
}

/** @param {string} type @param {string} text @returns {string} the value a control of that type makes of a text. */
function sanitized(type, text) {
  return Object.assign(document.createElement("input"), { type, value: text }).value;
}

/**
 * A pattern that a browser applies: it ignores one that is no expression with the flag `v`. One with sets in sets, which
 * that flag alone knows, means something else to the server: it is left to the browser.
 */
function patternOf({ pattern }) {
  if (!pattern || pattern.length > ONE_PATTERN_CHARS || SETS.test(pattern.replace(/\\[^q]/g, ""))) return undefined;
  try {
    new RegExp(pattern, "v");
  } catch {
    return undefined;
  }
  return pattern;
}

/** @param {string | null} text */
function numberIn(text) {
  const value = Number.parseFloat(text ?? "");
  return Number.isFinite(value) ? value : undefined;
}

/** A bound in exact integers: one beyond them bounds nothing that a person gives in. @param {string} text */
function boundIn(text) {
  const value = numberIn(text);
  return value !== undefined && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/**
 * Whether no value is within two bounds. Such a control is the page's slip, for which its form is not refused.
 *
 * @template {number | string} T
 * @param {T | undefined} min
 * @param {T | undefined} max
 */
function isReversed(min, max) {
  return min !== undefined && max !== undefined && min > max;
}

/** @param {number | undefined} value */
function positive(value) {
  return value !== undefined && value > 0 ? value : undefined;
}

/** @param {number} value @param {number} step */
function isMultiple(value, step) {
  return Math.abs(value / step - Math.round(value / step)) < 1e-9;
}
