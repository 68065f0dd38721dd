/**
 * Remainder of a form: what a person sees in it that is no field of the session. Both sides are told of it, as of a form
 * that looks complete and is not: fields beyond those of one schema, and widgets that are read by no rule of ours.
 */

import { around, below, rootOf } from "./clobbering.js";
import { isComponent, isControl } from "./controls.js";
import { labelOf, nameOfGroup } from "./labels.js";
import { isMarked } from "./standing.js";
import { isBait, isShown } from "./sight.js";
import { isFilter, isTwin } from "./widgets.js";

/** What a schema may have, the cells of its lists included. */
const FIELDS = 500;
/** Roles of widgets that a person gives a value to (WAI-ARIA). */
const ROLES = ["checkbox", "combobox", "listbox", "radiogroup", "searchbox", "slider", "spinbutton", "switch", "textbox"];
const WIDGET = [...ROLES.map((role) => `[role=${role}]`), "[aria-haspopup=listbox]", "[contenteditable]:not([contenteditable=false])"].join(", ");
/** How many are named, the rest is counted. */
const NAMED = 5;
const NAME_CHARS = 40;
/** How far from a native control the widget is that the page shows in its place. */
const LEVELS = 3;

const ENGLISH = {
  remainder: "Not handed over, for the person alone to fill in: {names}",
  more: " and {count} more",
  nameless: "a part without a name",
};
/** @type {typeof ENGLISH} */
const CHINESE = { remainder: "未交出、只能由本人填写：{names}", more: " 以及另外 {count} 项", nameless: "未命名的部分" };

/**
 * @template {{fields?: any[]}} T
 * @param {T[]} entries of a form.
 * @returns {[T[], T[]]} those that one schema has room for, and the others.
 */
export function divided(entries) {
  let count = 0;
  const end = entries.findIndex((entry) => (count += sizeOf(entry)) > FIELDS);
  return end < 0 ? [entries, []] : [entries.slice(0, end), entries.slice(end)];
}

/** @param {{fields?: any[]}} entry @returns {number} how many fields it counts as. */
function sizeOf({ fields = [] }) {
  return fields.reduce((sum, field) => sum + sizeOf(field), 1);
}

/** The widgets of a form that stand for no field. @param {HTMLFormElement} form @returns {any[]} */
function strangers(form) {
  const isWidget = (/** @type {Element} */ element) => element.matches(WIDGET) || isComponent(element);
  const widgets = below(form).filter((element) => isFilter(element) || (isWidget(element) && !isControl(element)));
  const isPart = (/** @type {Element} */ widget) => widgets.some((other) => other !== widget && other.contains(widget));
  return widgets.filter((widget) => !isPart(widget) && !isCovered(widget) && isOpen(widget, form));
}

/** Whether a person is meant to use a widget. @param {any} widget @param {HTMLFormElement} form */
function isOpen(widget, form) {
  return widget.getClientRects().length > 0 && !isMarked(widget, "skip") && isShown(widget, form) && !isBait(widget, form);
}

/** Whether a control says what a widget does: one within, one that has it as its list, one that it is drawn for. */
function isCovered(/** @type {Element} */ widget) {
  const id = CSS.escape(widget.id);
  const isList = id !== "" && rootOf(widget).querySelector(`[aria-controls~="${id}"], [aria-owns~="${id}"]`) !== null;
  return isList || below(widget).some(isControl) || isDrawnFor(widget);
}

/** Whether a native control stands, hidden, beside a widget or what is around it. @param {Element} widget */
function isDrawnFor(widget) {
  let each = /** @type {Element | null} */ (widget);
  for (let level = 0; each && level < LEVELS && !(each instanceof HTMLFormElement); level += 1) {
    if ([each.previousElementSibling, each.nextElementSibling].some(isStandIn)) return true;
    each = around(each);
  }
  return false;
}

/** Whether an element is a control that the page hides from a screen reader, and shows a widget for. @param {any} element */
function isStandIn(element) {
  return element !== null && isControl(element) && !isTwin(element) && element.matches("[aria-hidden=true], [tabindex='-1']");
}

/**
 * @param {HTMLFormElement} form
 * @param {{label?: string, key: string}[]} others fields that the schema has no room for.
 * @returns {string | null} a sentence for both sides, null if all is handed over.
 */
export function remainderOf(form, others) {
  const words = /^zh\b/i.test(document.documentElement.lang) ? CHINESE : ENGLISH;
  const drawn = strangers(form).map((each) => nameOfGroup(each) || labelOf(each) || words.nameless);
  const names = [...others.map(({ label, key }) => label || key), ...drawn];
  if (names.length === 0) return null;
  const named = names.slice(0, NAMED).map((name) => name.slice(0, NAME_CHARS)).join(", ");
  const rest = names.length - NAMED;
  return words.remainder.replace("{names}", named) + (rest > 0 ? words.more.replace("{count}", String(rest)) : "") + ".";
}
