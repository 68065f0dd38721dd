/**
 * Fields of a form as elements: a control with its label and description, a group of choices, a list of rows. `data-key`
 * names the field, `data-kind` its kind of control, for the page's styles.
 */

import { choicesFor, controlFor, suggestionsFor } from "./controls.js";
import { kindOf, labelOf } from "./kinds.js";
import { node, set } from "./nodes.js";

/** @typedef {import("../client.js").Field} Field */
/** @typedef {import("./controls.js").Place} Place */

/** What stands for the number of a row in a blank one. */
const NUMBER = "__number__";

/**
 * Draw fields one after another, those of one heading in a group.
 *
 * @param {Field[]} fields
 * @param {(field: Field) => Place} placeOf
 * @returns {HTMLElement[]}
 */
export function drawFields(fields, placeOf) {
  /** @type {HTMLElement[]} */
  const drawn = [];
  let heading = "";
  for (const field of fields.filter((each) => kindOf(each) !== null)) {
    const { group = "" } = field;
    const element = drawField(field, placeOf(field));
    if (group === "") drawn.push(element);
    else if (group === heading) drawn.at(-1)?.append(element);
    else drawn.push(groupOf(group, placeOf(field), element));
    heading = group;
  }
  return drawn;
}

/** @param {string} heading @param {Place} place @param {HTMLElement} first */
function groupOf(heading, { classOf }, first) {
  return node("fieldset", { class: classOf("group") }, node("legend", { class: classOf("legend") }, heading), first);
}

/** @param {Field} field @param {Place} place @returns {HTMLElement} */
export function drawField(field, place) {
  const { id, classOf } = place;
  const kind = kindOf(field);
  const hint = field.desc ? node("p", { id: `${id}-hint`, class: classOf("hint") }, field.desc) : null;
  const named = { "data-key": field.key, "data-kind": kind, class: classOf("field") };
  if (kind === "rows") return drawRows(field, place, named, hint);
  if (kind === "radio" || kind === "checkboxes" || kind === "switch") return drawChoices(field, place, named, hint);
  const control = set(controlFor(field, place), { "aria-describedby": hint?.id });
  const label = node("label", { for: id, class: classOf("label") }, labelOf(field));
  const parts = kind === "checkbox" ? [control, label] : [label, control];
  return node("div", named, ...parts, hint, suggestionsFor(field, place));
}

/** @param {Field} field @param {Place} place @param {Record<string, unknown>} named @param {Node | null} hint */
function drawChoices(field, place, named, hint) {
  const { words, classOf } = place;
  const options = kindOf(field) === "switch" ? [{ value: true, label: words.yes }, { value: false, label: words.no }] : field.options;
  const legend = node("legend", { class: classOf("legend") }, labelOf(field));
  const choices = node("div", { class: classOf("choices") }, ...choicesFor({ ...field, options }, place));
  const described = hint ? { "aria-describedby": `${place.id}-hint` } : {};
  return node("fieldset", { ...named, ...described }, legend, hint, choices);
}

// ---- rows

/** @param {Field} field @param {Place} place @param {Record<string, unknown>} named @param {Node | null} hint */
function drawRows(field, place, named, hint) {
  const { words, classOf, value } = place;
  const blank = drawRow(field, place, NUMBER, {});
  const given = Array.isArray(value) && value.length > 0 ? value : Array(field.minRows ?? 0).fill({});
  const rows = given.map((each, index) => drawRow(field, place, String(index), each));
  const template = node("template", {});
  template.content.append(blank);
  const container = node("div", { "data-handshake-rows": field.key, class: classOf("rows") }, ...rows, template);
  const add = node("button", { type: "button", "data-add": true, class: classOf("button") }, words.add);
  const legend = node("legend", { class: classOf("legend") }, labelOf(field));
  return node("fieldset", named, legend, hint, container, add);
}

/** @param {Field} list @param {Place} place @param {string} number @param {any} value */
function drawRow(list, place, number, value) {
  const { words, classOf } = place;
  const placeOf = (/** @type {Field} */ cell) => ({
    ...place,
    id: `${place.id}-${number}-${cell.key}`,
    name: `${place.name}[${number}]${cell.key.split("/").map((step) => `[${step}]`).join("")}`,
    value: within(value, cell.key) ?? cell.default,
  });
  const remove = node("button", { type: "button", "data-handshake-remove": true, class: classOf("button") }, words.remove);
  return node("div", { role: "group", class: classOf("row") }, ...drawFields(list.fields ?? [], placeOf), remove);
}

/** The value of a cell in a row as a document has it, or by flat keys. @param {any} value @param {string} key */
function within(value, key) {
  return value[key] ?? key.split("/").reduce((each, step) => each?.[step], value);
}
