/** Sight of a form: whether a person who looks at it sees a control, or what the page shows in its place. */

import { isChoiceList } from "./choice_lists.js";
import { around, attributeOf, boxOf, boxesOf } from "./clobbering.js";
import { isChoice } from "./controls.js";
import { labelOf } from "./labels.js";

/** @typedef {import("./controls.js").Control} Control */

/** What a person can make out. */
const LEAST_OPACITY = 0.05;
const INVISIBLE = /\bopacity\(0(?:\.0\d*)?%?\)/;
/** Clipping that leaves nothing. */
const CLIPPED = new RegExp(
  [
    ...[String.raw`^inset\((?:[5-9]\d|100)%\)`, String.raw`^inset\(.*\b(?:9\d|100)(?:\.\d+)?%`],
    ...[String.raw`^(?:circle|ellipse)\(0(?:px|%)?[ )]`, String.raw`^polygon\((?:0(?:px|%)? 0(?:px|%)?(?:, )?)+\)`],
  ].join("|"),
);
const NO_RECTANGLE = /^rect\((?:[01]px,? ){3}[01]px\)$/;
/** Pixels beside a form where nobody looks for a control of it, though scrolling may lead there. */
const FAR = 1_000;
/** What a trap for robots says to people; "leave it empty if …" is none. */
const BAIT_LABEL =
  /\bleave (?:this|it)(?: \w+)? (?:blank|empty|untouched)(?!,? (?:if|when|unless|to)\b)|\b(?:do not|don['’]t|never) fill\b|\bif you(?:['’]re| are) (?:a )?human\b|请勿填写/i;

/**
 * Whether a control is displayed within its form. Whether the form itself is does not matter: it may be in a dialog that
 * is yet to be opened. Of a control that a page has replaced with a picture, its label is what is displayed.
 *
 * @param {Control} control
 * @param {HTMLFormElement} form
 */
export function isShown(control, form) {
  if (isDisplayed(control, form)) return true;
  return canBeReplaced(control) && labelsOf(control).some((label) => isDisplayed(label, form));
}

/** Whether pages put a picture in a control's place, and its label then stands for it. @param {Control} control */
function canBeReplaced(control) {
  return isChoice(control) || control.type === "file" || control instanceof HTMLSelectElement;
}

/** @param {Control} control @returns {Element[]} */
function labelsOf({ labels }) {
  return [...(labels ?? [])];
}

/** @param {Element} element @param {HTMLFormElement} form */
function isDisplayed(element, form) {
  if (!element.isConnected) return true; // of a row that is yet to be made
  if (getComputedStyle(element).visibility !== "visible" && getComputedStyle(form).visibility === "visible") return false;
  for (const each of pathTo(form, element)) {
    if (getComputedStyle(each).display === "none" || attributeOf(each, "inert") !== null) return false;
  }
  return true;
}

/**
 * Whether a control is a trap for robots, which a person does not see or is told to leave alone. One of several to choose
 * from is seen by its label.
 *
 * @param {Control} control
 * @param {HTMLFormElement} form
 */
export function isBait(control, form) {
  const labels = labelsOf(control);
  if (canBeReplaced(control)) {
    if (labels.length > 0) return [control, ...labels].every((element) => isOutOfReach(element, form));
    return control.type === "checkbox" && !isNamed(control) && isNowhere(control, form);
  }
  // Of a list that the page draws, the items are reached by the keyboard.
  const isSkipped = attributeOf(control, "tabindex") === "-1" && !control.readOnly && !isChoiceList(control);
  return isSkipped || BAIT_LABEL.test(labelOf(control)) || isOutOfReach(control, form);
}

/** Whether a page has given a control a name by an attribute, as it does where it draws a picture without a label. */
function isNamed(/** @type {Control} */ control) {
  return ["aria-label", "aria-labelledby", "title"].some((name) => attributeOf(control, name));
}

/** Whether an element is laid out where no person sees it. @param {Element} element @param {HTMLFormElement} form */
function isOutOfReach(element, form) {
  if (boxesOf(element).length === 0 || element.closest("details:not([open])")) return false;
  return isNowhere(element, form) || pathTo(form, element).some(isUnseen);
}

/** Whether an element has no place on the page that a person gets to, whatever it looks like there. */
function isNowhere(/** @type {Element} */ element, /** @type {HTMLFormElement} */ form) {
  if (boxesOf(element).length === 0) return false;
  return isTiny(element) || (isBeyondReach(element) && !isBeyondReach(form)) || isFarOff(element, form);
}

/** Whether no scrolling leads to an element. @param {Element} element */
function isBeyondReach(element) {
  const { left, right, bottom } = boxOf(element);
  const isFromRight = getComputedStyle(document.body ?? element).direction === "rtl";
  const isAside = isFromRight ? left + scrollX >= innerWidth : right + scrollX <= 0;
  return boxesOf(element).length > 0 && (isAside || bottom + scrollY <= 0);
}

/** Whether a page has moved an element far away from its form. @param {Element} element @param {HTMLFormElement} form */
function isFarOff(element, form) {
  const [own, home] = [boxOf(element), boxOf(form)];
  const gap = Math.max(own.left - home.right, home.left - own.right, own.top - home.bottom);
  if (gap < FAR) return false;
  const styles = pathTo(form, element).map((each) => getComputedStyle(each));
  const isScrolled = styles.some(({ overflowX, overflowY }) => /auto|scroll/.test(overflowX + overflowY));
  return !isScrolled && styles.some(isMoved);
}

/** Whether a style takes an element out of its place. @param {CSSStyleDeclaration} style */
function isMoved({ position, left, right, transform, translate }) {
  if (position === "absolute" || position === "fixed") return true;
  const { e, f } = new DOMMatrixReadOnly(transform);
  return [e, f, ...[left, right, ...translate.split(" ")].map(Number.parseFloat)].some((each) => Math.abs(each) >= FAR);
}

/** @param {Element} element */
function isUnseen(element) {
  const { opacity, filter, overflowX, clip, clipPath } = getComputedStyle(element);
  if (Number(opacity) < LEAST_OPACITY || INVISIBLE.test(filter) || attributeOf(element, "aria-hidden") === "true") return true;
  return CLIPPED.test(clipPath) || NO_RECTANGLE.test(clip) || (overflowX !== "visible" && isTiny(element));
}

/** Whether nothing of an element's box is left to look at. @param {Element} element */
function isTiny(element) {
  const { width, height } = boxOf(element);
  return (width <= 1 || height <= 1) && boxesOf(element).length > 0;
}

/** An element and those around it, within a form. @param {HTMLFormElement} form @param {Element} element @returns {Element[]} */
function pathTo(form, element) {
  const path = [];
  for (let each = /** @type {Element | null} */ (element); each && each !== form; each = around(each)) path.push(each);
  return path;
}
