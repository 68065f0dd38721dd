/**
 * Names and descriptions of controls, as a screen reader has them (Accessible Name and Description Computation): by
 * `aria-labelledby`, `aria-label`, `<label>`, `title`, placeholder; of a group by its legend.
 */

import { around, attributeOf, rootOf } from "./clobbering.js";
import { isChoice } from "./controls.js";

/** @typedef {import("./controls.js").Control} Control */

/** A remark beside a control that comes and goes is no description of it. */
const REMARK = "[role=alert], [aria-live], [class*=error], [class*=invalid], [id*=error]";
/** No part of a label, though in it. */
const APART = `button, input, option, output, script, select, style, svg, textarea, [hidden], [role=tooltip], ${REMARK}`;
/** Elements that name more than the control after them, or nothing. */
const NO_NAME = "h1, h2, h3, h4, h5, h6, hr, legend, ol, script, style, template, ul";
/** A star, or a word in parentheses. */
const REQUIRED =
  /^\*|\*\s*(?:[:：(（].*)?$|[(（]\s*(?:required|mandatory|erforderlich|pflichtfeld|obligatoire|requis|obb?ligatori[oa]|obrigatóri[oa]|必填|必須)\s*[)）]/i;
const OPTIONAL =
  /[(（]\s*(?:optional|freiwillig|facultatif|opcional|facoltativ[oa]|可选|选填|選填|任意)\s*[)）]|[-–—]\s*optional$/i;
const DRAWN = "[role=combobox], [role=listbox], [role=radiogroup], [role=slider], [role=spinbutton]";
const VALUED = `button, input:not([type=hidden]), select, textarea, ${DRAWN}`;
const NEARBY_CHARS = 80;
/** How far around a control its name may be. */
const NEARBY_LEVELS = 3;
const LABEL_CHARS = 200;
const DESCRIPTION_CHARS = 500;

/** @param {Node | null} node @returns {string} its text on one line, without that of controls in it. */
export function textOf(node) {
  if (!node) return "";
  const parts = [];
  const accepts = (/** @type {any} */ each) =>
    each instanceof Element && each.matches(APART) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT;
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, accepts);
  for (let each = walker.nextNode(); each; each = walker.nextNode()) {
    if (each.nodeType === Node.TEXT_NODE) parts.push(each.nodeValue);
  }
  return parts.join("").replace(/\s+/g, " ").trim();
}

/** @param {string} text @returns {string} without the mark of a required field. */
function unmarked(text) {
  return text.replace(/\s*\*\s*[:：]?$|^\*\s*/, "").replace(/[:：]$/, "").trim().slice(0, LABEL_CHARS);
}

/** @param {Element} element @param {string} attribute @returns {Element[]} the elements it refers to. */
function referred(element, attribute) {
  const root = rootOf(element);
  return (attributeOf(element, attribute) ?? "").split(/\s+/).flatMap((id) => (id && root.getElementById(id)) || []);
}

/** @param {Element[]} elements */
function together(elements) {
  return elements.map((element) => attributeOf(element, "aria-label")?.trim() || textOf(element)).filter(Boolean).join(" ");
}

/** The labels of a control, of a custom element too. @param {Control} control @returns {Element[]} */
function labelsOf(control) {
  if (control.labels) return [...control.labels];
  const pointing = control.id ? rootOf(control).querySelectorAll(`label[for="${CSS.escape(control.id)}"]`) : [];
  return pointing.length > 0 ? [...pointing] : [control.closest("label")].filter((label) => label !== null);
}

/** @param {Control} control @returns {string} what names it in its page, required mark included. */
function written(control) {
  return (
    together(referred(control, "aria-labelledby")) ||
    attributeOf(control, "aria-label")?.trim() ||
    together(labelsOf(control)) ||
    (isDrawn(control) && textOf(control)) ||
    namedBySubstitute(control) ||
    attributeOf(control, "title")?.trim() ||
    headers(control) ||
    attributeOf(control, "placeholder")?.trim() ||
    namedByComponent(control) ||
    nearby(control, isChoice(control) ? "nextSibling" : "previousSibling")
  );
}

/** Whether what is in a control names it: a switch that a page draws, or one of several to choose from. */
function isDrawn(/** @type {Control} */ control) {
  return control.matches("[role=switch], [role=checkbox], [role=radio], [role=option]") && !(control instanceof HTMLInputElement);
}

/** The name of what a page shows in the place of a control that it hides from screen readers. @param {Control} control */
function namedBySubstitute(control) {
  if (attributeOf(control, "aria-hidden") !== "true") return "";
  const beside = [control.previousElementSibling, control.nextElementSibling];
  const substitute = beside.find((each) => each?.matches("[role=combobox], [aria-haspopup=listbox]"));
  return substitute ? written(substitute) : "";
}

/** The name of a component: its own word, or that of the component whose shadow root the control is in. @param {Control} control */
function namedByComponent(control) {
  const own = control.localName.includes("-") ? attributeOf(control, "label")?.trim() : "";
  const { host } = rootOf(control);
  return own || (host && (attributeOf(host, "label")?.trim() || written(host))) || "";
}

/**
 * The text beside a control that nothing names: before it in its line, in the cell or the term before, or behind a box to
 * check.
 *
 * @param {Element} control
 * @param {"previousSibling" | "nextSibling"} side
 * @returns {string}
 */
function nearby(control, side) {
  let element = /** @type {Element | null} */ (control);
  for (let level = 0; level < NEARBY_LEVELS && element && !(element instanceof HTMLFormElement); level += 1) {
    for (let node = element[side]; node; node = node[side]) {
      if (isApart(node)) return "";
      const text = node instanceof Element ? textOf(node) : node.nodeType === Node.TEXT_NODE ? (node.nodeValue ?? "").trim() : "";
      if (text) return text.length <= NEARBY_CHARS ? text.replace(/\s+/g, " ") : "";
    }
    element = around(element);
  }
  return "";
}

/** Whether a node ends what is beside a control: another control, the label of one, a heading. @param {Node} node */
function isApart(node) {
  if (!(node instanceof Element)) return false;
  const isOthers = node instanceof HTMLLabelElement && node.control !== null;
  return isOthers || node.matches(`${NO_NAME}, ${VALUED}`) || node.querySelector(VALUED) !== null;
}

/** @param {Control} control @returns {string} empty if nothing names it. */
export function labelOf(control) {
  return unmarked(written(control));
}

/** Whether a label says that a field is required. @param {Control[]} controls */
export function isSaidRequired(controls) {
  return REQUIRED.test(saidOf(controls));
}

/** Whether a label says that a field is optional. @param {Control[]} controls */
export function isSaidOptional(controls) {
  return OPTIONAL.test(saidOf(controls));
}

/** @param {Control[]} controls */
function saidOf(controls) {
  return controls.length > 1 ? groupText(controls) : written(controls[0]);
}

/** The header of a control's row in a table, and of its column. @param {Control} control */
function headers(control) {
  return [rowHeader(control), columnHeader(control)].filter(Boolean).join(" ");
}

/** @param {Control} control */
function rowHeader(control) {
  return textOf(control.closest("tr")?.querySelector("th") ?? null);
}

/** @param {Control} control */
function columnHeader(control) {
  const cell = control.closest("td");
  const header = cell?.closest("table")?.rows[0]?.cells[cell.cellIndex];
  return header?.localName === "th" ? textOf(header) : "";
}

/**
 * The name of radio buttons or checkboxes together: the labels they have in common, that of the group around them, or
 * the header of their row.
 *
 * @param {Control[]} controls
 */
export function groupLabelOf(controls) {
  return unmarked(groupText(controls));
}

/** @param {Control[]} controls */
function groupText(controls) {
  const [first, ...others] = controls.map((control) => referred(control, "aria-labelledby"));
  const common = others.length > 0 ? first.filter((each) => others.every((labels) => labels.includes(each))) : [];
  const beside = () => nearby(controls[0].closest("label") ?? controls[0], "previousSibling");
  return together(common) || nameOfGroup(groupAround(controls)) || rowHeader(controls[0]) || beside();
}

/** @param {Element | null} group @returns {string} */
export function nameOfGroup(group) {
  if (!group) return "";
  const legend = group instanceof HTMLFieldSetElement ? group.querySelector(":scope > legend") : null;
  return together(referred(group, "aria-labelledby")) || attributeOf(group, "aria-label") || textOf(legend);
}

/** @param {Element} container @returns {string} the name of a list of rows: its own, its table's caption, its legend. */
export function listLabelOf(container) {
  const caption = textOf(container.closest("table")?.caption ?? null);
  return unmarked(nameOfGroup(container) || caption || nameOfGroup(container.closest("fieldset, [role=group]")));
}

/** The group that radio buttons or checkboxes begin, and that therefore is theirs. @param {Control[]} controls */
function groupAround(controls) {
  const group = controls[0].closest("fieldset, [role=group], [role=radiogroup]");
  if (!group || !controls.every((control) => group.contains(control))) return null;
  return group.querySelector("input:not([type=hidden]), select, textarea") === controls[0] ? group : null;
}

/**
 * The heading under which a field stands: the legend around it, not its own.
 *
 * @param {Control[]} controls
 * @param {HTMLFormElement} form
 */
export function headingOf(controls, form) {
  const own = controls.length > 1 ? groupAround(controls) : null;
  for (let element = around(own ?? controls[0]); element && element !== form; element = around(element)) {
    if (!element.matches("fieldset, [role=group]")) continue;
    const name = unmarked(nameOfGroup(element));
    if (name) return name;
  }
  return "";
}

/** The label of one of several to choose from. @param {Control} control @param {Control[]} controls */
export function choiceLabelOf(control, controls) {
  const others = controls.filter((each) => each !== control).flatMap((each) => referred(each, "aria-labelledby"));
  const own = referred(control, "aria-labelledby").filter((each) => !others.includes(each));
  const said = together(own) || together(labelsOf(control)) || columnHeader(control);
  return unmarked(said) || labelOf(control);
}

/** @param {Control} control @returns {string} what is said about it, WebMCP's word first. */
export function descriptionOf(control) {
  const said = attributeOf(control, "toolparamdescription")?.trim();
  const remarks = referred(control, "aria-describedby").filter((each) => !each.matches(REMARK));
  const title = attributeOf(control, "title")?.trim();
  const text = said || together(remarks) || (title !== labelOf(control) ? title : "") || "";
  return text.slice(0, DESCRIPTION_CHARS);
}
