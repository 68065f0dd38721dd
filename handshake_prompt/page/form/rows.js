/**
 * Rows of a form: the groups of controls that a page repeats, where it marks what is around them with
 * `data-handshake-rows="the list's key"`. Each child with controls in it is a row; a `<template>` among them is what a new
 * one is made of, or else `data-handshake-add="the list's key"` is on the page's own button for one more.
 */

import { attributeOf, below } from "./clobbering.js";
import { escaped, isControl, nameOf, pathOf } from "./controls.js";

/** @typedef {import("./controls.js").Control} Control */
/** @typedef {{key: string, container: Element}} List */

const MARK = "data-handshake-rows";
/** What stands for the number of a row in a blank one: `__prefix__` in Django, `{{index}}`, `[N]`, `[NEW_RECORD]`. */
const PLACEHOLDER = /__[a-z]+__|\{\{?\w+\}?\}|(?<=\[)[A-Z]+(?:_[A-Z]+)*(?=\])/;
/** A step of a path that is the number of a row. */
const NUMBER = /^(?:\d+|__[a-z]+__|\{\{?\w+\}?\}|[A-Z]+(?:_[A-Z]+)*)$/;
/** A flat name with the number of its row, as Django's formsets have it. */
const NUMBERED = /^.*?[-_.](?:\d+|__[a-z]+__)[-_.](?=.)/;
const NAMING = ["name", "id", "for", "aria-labelledby", "aria-describedby", "aria-errormessage"];

/** @param {HTMLFormElement} form @returns {List[]} the lists of a form, those within rows left out. */
export function listsOf(form) {
  const containers = below(form).filter((element) => attributeOf(element, MARK));
  return containers
    .filter((container) => !containers.some((other) => other !== container && other.contains(container)))
    .map((container) => ({ key: /** @type {string} */ (attributeOf(container, MARK)), container }));
}

/** @param {List} list @returns {Element[]} */
export function rowsIn({ container }) {
  return [...container.children].filter((child) => below(child).some(isControl));
}

/** @param {List} list @returns {Element | null} what a new row is made of, if the page leaves that to us. */
export function blankRow({ container }) {
  const template = [...container.children].find((child) => child instanceof HTMLTemplateElement);
  return /** @type {HTMLTemplateElement | undefined} */ (template)?.content.firstElementChild ?? null;
}

/** @param {Control} control @returns {string} its key within its row: the name without the list's and the row's number. */
export function cellKeyOf(control) {
  const steps = pathOf(nameOf(control) || control.id || "").split("/");
  const number = steps.findIndex((step, index) => index > 0 && NUMBER.test(step));
  if (number >= 0 && number < steps.length - 1) return steps.slice(number + 1).join("/");
  return steps.length > 1 ? steps.join("/") : escaped((nameOf(control) || control.id).replace(NUMBERED, "").replace("[]", ""));
}

/**
 * Have the page show one more row.
 *
 * @param {List} list
 * @param {Document | ShadowRoot} root
 * @returns {Element | null} the row, if it is there at once.
 */
export function showRow(list, root) {
  const blank = blankRow(list);
  if (blank) {
    const made = /** @type {Element} */ (document.importNode(blank, true));
    number(made, nextNumber(list));
    list.container.append(made);
    return made;
  }
  const before = new Set(rowsIn(list));
  const button = root.querySelector(`[data-handshake-add="${CSS.escape(list.key)}"]`);
  /** @type {HTMLElement | null} */ (button)?.click();
  return rowsIn(list).find((row) => !before.has(row)) ?? null;
}

/** @param {List} list @returns {number} one beyond the numbers that rows have in names, or as many as there are. */
function nextNumber(list) {
  const names = rowsIn(list).flatMap(below).map((element) => attributeOf(element, "name") ?? "");
  const numbers = names.flatMap((name) => name.match(/\d+/g) ?? []).map(Number);
  return Math.max(rowsIn(list).length, ...numbers.map((each) => each + 1));
}

/** Put a number in place of what stands for it. @param {Element} row @param {number} number */
function number(row, number) {
  for (const element of [row, ...below(row)]) {
    for (const name of NAMING) {
      const named = attributeOf(element, name);
      if (named && PLACEHOLDER.test(named)) element.setAttribute(name, named.replace(PLACEHOLDER, String(number)));
    }
  }
}

/** Have the page show a row no more: by the page's own button in it, if it has one. @param {Element} row */
export function hideRow(row) {
  const button = row.querySelector("[data-handshake-remove]");
  if (button instanceof HTMLElement) button.click();
  else row.remove();
}
