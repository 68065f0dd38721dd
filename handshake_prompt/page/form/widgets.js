/**
 * Widgets that a page draws in the place of controls (WAI-ARIA): switches and boxes to check, and text that is edited in
 * place. They are read by their states, and written as a person does it: by a click, or as text.
 */

import { attributeOf } from "./clobbering.js";

const SWITCH = "[role=switch][aria-checked], [role=checkbox][aria-checked]";
const NATIVE = "input, select, textarea";
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
  return element instanceof HTMLElement && (isSwitch(element) || isText(element));
}

/** @param {any} widget @returns {boolean | string} whether it is on, or its text. */
export function stateOf(widget) {
  return isSwitch(widget) ? attributeOf(widget, "aria-checked") === "true" : widget.innerText.replace(/\n$/, "");
}

/** @param {any} widget @param {any} value */
export function setState(widget, value) {
  if (stateOf(widget) === value) return;
  if (isSwitch(widget)) return void widget.click();
  widget.innerText = String(value ?? "");
  widget.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertReplacementText" }));
}

/**
 * The native box that a page keeps, hidden, beside a switch that it draws: it is what is submitted, and says the name.
 *
 * @param {any} widget
 * @returns {HTMLInputElement | null}
 */
export function twinOf({ nextElementSibling: beside }) {
  return beside?.matches("input[type=checkbox][aria-hidden=true]") ? beside : null;
}

/** Whether a native box is such a one. @param {any} control */
export function isTwin(control) {
  const beside = control.previousElementSibling;
  return beside !== null && isWidget(beside) && twinOf(beside) === control;
}
