/**
 * Widgets that a page draws in the place of controls (WAI-ARIA): switches and boxes to check, lists to choose from, and
 * text that is edited in place. They are read by their states, and written as a person does it: by a click, or as text.
 */

import { choiceIn, chooseIn, isChoiceList } from "./choice_lists.js";
import { around, attributeOf } from "./clobbering.js";

const SWITCH = "[role=switch][aria-checked], [role=checkbox][aria-checked]";
const NATIVE = "input, select, textarea";
/** A native radio button behind one that a page draws. */
const HIDDEN_RADIO = "input[type=radio][aria-hidden=true]";
const VISIBLE = "input:not([type=hidden]), select, textarea";
/** How far around a text that filters options the value of its component is. */
const FILTER_LEVELS = 4;
const NAMING = ["data-handshake", "aria-label", "aria-labelledby", "name"];

/** Whether an element is a switch that is no native one. @param {any} element */
function isSwitch(element) {
  return element.matches(SWITCH) && !element.matches(NATIVE);
}

/** Whether an element is text to be edited in place that the page has named. @param {any} element */
function isText(element) {
  // The attribute first: the property may have the whole page styled anew.
  return attributeOf(element, "contenteditable") !== null && element.isContentEditable &&
    NAMING.some((name) => attributeOf(element, name) !== null);
}

/** Whether an element stands for a control. @param {any} element */
export function isWidget(element) {
  return element instanceof HTMLElement && (isSwitch(element) || isChoiceList(element) || isText(element));
}

/** @param {any} widget @returns {boolean | string | string[] | null} whether it is on, what is chosen in it, or its text. */
export function stateOf(widget) {
  if (isChoiceList(widget)) return choiceIn(widget);
  return isSwitch(widget) ? attributeOf(widget, "aria-checked") === "true" : widget.innerText.replace(/\n$/, "");
}

/** @param {any} widget @param {any} value */
export function setState(widget, value) {
  if (isChoiceList(widget)) return chooseIn(widget, value);
  if (stateOf(widget) === value) return;
  if (isSwitch(widget)) return void widget.click();
  widget.innerText = String(value ?? "");
  widget.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertReplacementText" }));
}

/**
 * The native control that a page keeps, hidden, beside a switch or in a list that it draws: it is what is submitted, and
 * says the name.
 *
 * @param {any} widget
 * @returns {HTMLInputElement | null}
 */
export function twinOf(widget) {
  if (isChoiceList(widget)) return widget.querySelector(HIDDEN_RADIO);
  const beside = widget.nextElementSibling;
  return beside?.matches("input[type=checkbox][aria-hidden=true]") ? beside : null;
}

/** Whether a native control is such a one. @param {any} control */
export function isTwin(control) {
  const group = control.matches(HIDDEN_RADIO) ? control.closest("[role=radiogroup]") : null;
  if (group !== null && isChoiceList(group)) return true;
  const beside = control.previousElementSibling;
  return beside !== null && isWidget(beside) && twinOf(beside) === control;
}

/**
 * Whether a text is no value, but filters the options of a component whose value is in a hidden control.
 *
 * @param {any} control
 */
export function isFilter(control) {
  if (!(control instanceof HTMLInputElement) || attributeOf(control, "role") !== "combobox" || control.name) return false;
  let each = around(control);
  for (let level = 0; each && level < FILTER_LEVELS && !(each instanceof HTMLFormElement); level += 1) {
    if (each.querySelectorAll(VISIBLE).length > 1) return false;
    if (each.querySelector("input[type=hidden][name]")) return true;
    each = around(each);
  }
  return false;
}
