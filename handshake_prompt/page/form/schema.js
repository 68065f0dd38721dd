/** Schema of a form as its own controls declare it: types, constraints, options, labels. SPEC.md section 5. */

import { attributeOf, below } from "./clobbering.js";
import { controlsOf, grouped, isControl, isCustom, nameOf } from "./controls.js";
import { choiceLabelOf, descriptionOf, groupLabelOf, headingOf, isStarred, labelOf, listLabelOf } from "./labels.js";
import { blankRow, cellKeyOf, listsOf, rowsIn } from "./rows.js";
import { isConsent, isLeftOut, isMarked, isSecret } from "./standing.js";
import { choiceValueOf, isFilled } from "./values.js";

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
const WITH_BOUNDS = new Set(["date", "datetime-local", "time"]);
/** The step, in seconds, of controls that do not name one (HTML, sections 4.10.5.1.10 and 11). */
const SECONDS_STEP = 60;
/** What the patterns of a schema may be together; a browser checks those beyond it on its own. */
const PATTERN_CHARS = 4_000;

/**
 * Derive the fields of a form from its controls.
 *
 * @param {HTMLFormElement} form
 * @returns {Field[]}
 */
export function schemaOf(form) {
  const lists = listsOf(form);
  const controls = controlsOf(form).filter((control) => !lists.some(({ container }) => container.contains(control)));
  return [...described(fieldGroups(form, controls), form), ...lists.flatMap((list) => rowsEntry(list, form))];
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
 * The groups of controls in a row.
 *
 * @param {HTMLFormElement} form
 * @param {Element} row
 * @returns {Group[]}
 */
export function cellGroups(form, row) {
  return grouped(below(row).filter((element) => isControl(element) && !isLeftOut(element, form)), cellKeyOf);
}

/** @param {import("./rows.js").List} list @param {HTMLFormElement} form @returns {Field[]} nothing without an example. */
function rowsEntry(list, form) {
  const example = blankRow(list) ?? rowsIn(list)[0];
  const fields = example ? described(cellGroups(form, example), form) : [];
  if (fields.length === 0) return [];
  return [compact({ key: list.key, label: listLabelOf(list.container), type: "rows", fields })];
}

/** @param {Group[]} groups @param {HTMLFormElement} form @returns {Field[]} */
function described(groups, form) {
  let room = PATTERN_CHARS;
  return groups.map((group) => {
    const entry = entryOf(group, form);
    room -= entry.pattern?.length ?? 0;
    if (room < 0) delete entry.pattern;
    return entry;
  });
}

/** @param {Group} group @param {HTMLFormElement} form @returns {any} */
function entryOf({ key, controls }, form) {
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
    required: isRequired(controls) || undefined,
    sensitive: isMarked(control, "sensitive") || undefined,
    ...(isFixed(controls) ? { readOnly: true, computed: true } : {}),
    desc: descriptionOf(control),
    ...hintsOf(control, label),
  });
}

/** @param {Record<string, any>} entry @returns {any} */
function compact(entry) {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined && value !== ""));
}

/** Radio buttons, or checkboxes of which each is a value in a list. @param {Control[]} controls */
function isOneOfSeveral(controls) {
  const [{ type }] = controls;
  return type === "radio" || (type === "checkbox" && (controls.length > 1 || nameOf(controls[0]).endsWith("[]")));
}

/** Whether an answer is asked for. A secret that is filled in is not missing, though the server has no value. */
function isRequired(controls) {
  const [control] = controls;
  const isMany = control.type === "checkbox" && controls.length > 1;
  const isDeclared = (each) => each.required || attributeOf(each, "aria-required") === "true";
  const group = control.type === "radio" ? control.closest("[role=radiogroup]") : null;
  const isAsked = isMany ? false : [...controls, ...(group ? [group] : [])].some(isDeclared) || isStarred(controls);
  return isAsked && !(controls.some(isSecret) && isFilled(controls));
}

/** @param {Control[]} controls */
function isFixed(controls) {
  const isClosed = (control) =>
    control.readOnly === true || control.matches(":disabled") || attributeOf(control, "aria-readonly") === "true";
  return controls.every(isClosed) || isMarked(controls[0], "readonly");
}

/** @param {Control} control @param {string} label */
function hintsOf(control, label) {
  const placeholder = control.placeholder !== label ? control.placeholder : undefined;
  const autocomplete = attributeOf(control, "autocomplete")?.trim();
  return { placeholder, autocomplete: /^(?:on|off)?$/i.test(autocomplete ?? "") ? undefined : autocomplete };
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

/** @param {Control[]} controls */
function choices(controls) {
  const open = controls.filter((control) => !control.matches(":disabled"));
  const options = (open.length > 0 ? open : controls).map((control) => {
    const isExclusive = attributeOf(control, "data-behaviour") === "exclusive";
    const label = choiceLabelOf(control, controls);
    return option({ value: choiceValueOf(control, controls), label, exclusive: isExclusive || undefined });
  });
  return { type: "enum", multiple: controls[0].type === "checkbox" || undefined, options };
}

/** @param {Control} control @param {string} label */
function switched(control, label) {
  const by = isConsent(control, label) ? "person" : undefined;
  return control.required ? { type: "enum", options: [true], by } : { type: "boolean", by };
}

/** @param {HTMLSelectElement} select */
function selection(select) {
  /** @type {Map<string, any>} */
  const options = new Map();
  for (const each of select.options) {
    const group = each.closest("optgroup");
    if (each.value === "" || each.disabled || group?.disabled || options.has(each.value)) continue;
    options.set(each.value, option({ value: each.value, label: each.label.trim(), group: group?.label || undefined }));
  }
  return { type: "enum", multiple: select.multiple || undefined, options: [...options.values()] };
}

/** An option in its shortest form. @param {{value: string, [member: string]: any}} told */
function option({ value, label, ...others }) {
  const members = compact({ value, label: label === value ? undefined : label, ...others });
  return Object.keys(members).length > 1 ? members : value;
}

/** @param {Control} control a form-associated custom element: its value tells its kind. */
function custom(control) {
  if (typeof control.checked === "boolean") return { type: "boolean" };
  const options = [...control.querySelectorAll("option, [role=option]")].map((each) => each.value ?? "").filter(Boolean);
  const multiple = Array.isArray(control.value) || undefined;
  if (options.length > 0) return { type: "enum", multiple, options };
  return { type: typeof control.value === "number" ? "number" : "string", multiple };
}

/** @param {HTMLInputElement} input */
function numeric(input) {
  const min = numberIn(input.min) ?? (input.type === "range" ? 0 : undefined);
  const max = numberIn(input.max) ?? (input.type === "range" ? 100 : undefined);
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
  if (WITH_BOUNDS.has(control.type)) return { ...kind, ...periodic(control) };
  const { minLength, maxLength } = control;
  const lengths = { minLength: positive(minLength), maxLength: maxLength >= 0 ? maxLength : undefined };
  const pattern = WITH_PATTERN.has(control.type) && !isSecret(control) ? patternOf(control) : undefined;
  return { ...kind, ...lengths, pattern, ...suggestions(control) };
}

/** @param {HTMLInputElement} input for dates and times. */
function periodic(input) {
  const [min, max] = [input.min, input.max].map((bound) => sanitized(input.type, bound) || undefined);
  const isReversed = min !== undefined && max !== undefined && min > max; // a time around midnight
  const usual = input.type === "date" ? undefined : SECONDS_STEP;
  const step = input.step.toLowerCase() === "any" ? undefined : (positive(numberIn(input.step)) ?? usual);
  return isReversed ? { step } : { min, max, step };
}

/** @param {string} type @param {string} text @returns {string} the value a control of that type makes of a text. */
function sanitized(type, text) {
  return Object.assign(document.createElement("input"), { type, value: text }).value;
}

/** A pattern that a browser applies: it ignores one that is no expression with the flag `v`. */
function patternOf({ pattern }) {
  if (!pattern) return undefined;
  try {
    new RegExp(pattern, "v");
  } catch {
    return undefined;
  }
  return pattern;
}

/** @param {HTMLInputElement} input */
function suggestions({ list }) {
  const values = [...(list?.options ?? [])].filter(({ value, disabled }) => value && !disabled);
  if (values.length === 0) return {};
  const options = values.map(({ value, label }) => option({ value, label }));
  return { options, open: true };
}

/** @param {string | null} text */
function numberIn(text) {
  const value = Number.parseFloat(text ?? "");
  return Number.isFinite(value) ? value : undefined;
}

/** @param {number | undefined} value */
function positive(value) {
  return value !== undefined && value > 0 ? value : undefined;
}

/** @param {number} value @param {number} step */
function isMultiple(value, step) {
  return Math.abs(value / step - Math.round(value / step)) < 1e-9;
}
