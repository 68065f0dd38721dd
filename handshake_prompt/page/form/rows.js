/**
 * Rows of a form: the groups of controls that a page repeats, where it marks what is around them with
 * `data-handshake-rows="the list's key"`. Each child with controls in it is a row; a `<template>` among them is what a new
 * one is made of, or else `data-handshake-add="the list's key"` is on the page's own button for one more.
 */

import { around, attributeOf, below, deep, elementsOf } from "./clobbering.js";
import { controlsWithin, escaped, nameOf, pathOf } from "./controls.js";

/** @typedef {import("./controls.js").Control} Control */
/** @typedef {{key: string, container: Element}} List */

const MARK = "data-handshake-rows";
/** What stands for the number of a row in a blank one: `__prefix__` in Django, `{{index}}`, `[N]`, `[NEW_RECORD]`. */
const PLACEHOLDER = /__[a-z]+__|\{\{?\w+\}?\}|(?<=\[)[A-Z]+(?:_[A-Z]+)*(?=\])/;
/** A step of a path that is the number of a row. */
const NUMBER = /^(?:\d+|__[a-z]+__|\{\{?\w+\}?\}|[A-Z]+(?:_[A-Z]+)*)$/;
/** A flat name with the number of its row, as Django's formsets have it. */
const NUMBERED = /^.*?[-_.](?:\d+|__[a-z]+__)[-_.](?=.)/;
const NAMING = ["name", "id", "for", "list", "aria-labelledby", "aria-describedby", "aria-errormessage"];

/**
 * The lists of a form or of a row, those within rows of theirs left out.
 *
 * @param {Element} scope
 * @returns {List[]}
 */
export function listsOf(scope) {
  const containers = [...deep(scope)].filter((element) => attributeOf(element, MARK));
  return containers
    .filter((container) => !containers.some((other) => other !== container && isWithin(other, container)))
    .map((container) => ({ key: /** @type {string} */ (attributeOf(container, MARK)), container }));
}

/** Whether an element is in another one, in a shadow root in there too. @param {Element} outer @param {Element} inner */
function isWithin(outer, inner) {
  for (let each = around(inner); each; each = around(each)) if (each === outer) return true;
  return false;
}

/** @param {Control[]} controls @param {List[]} lists @returns {Control[]} those in no row. */
export function outsideOf(controls, lists) {
  return controls.filter((control) => !lists.some(({ container }) => isWithin(container, control)));
}

/** @param {List} list @returns {Element[]} */
export function rowsIn({ container }) {
  return [...container.children].filter((child) => !controlsWithin(child).next().done);
}

/** @param {List} list @returns {Element | null} what a new row is made of, if the page leaves that to us. */
export function blankRow({ container }) {
  const template = [...container.children].find((child) => child instanceof HTMLTemplateElement);
  return /** @type {HTMLTemplateElement | undefined} */ (template)?.content.firstElementChild ?? null;
}

/**
 * The key of a control within its row: its name without the list's and the row's number.
 *
 * @param {Control} control
 * @param {number} depth how many rows are around that row.
 */
export function cellKeyOf(control, depth) {
  const name = nameOf(control) || control.id || "";
  const steps = pathOf(name).split("/");
  if (steps.length === 1) return escaped(repeated(name, depth, (rest) => rest.replace(NUMBERED, "")).replace("[]", ""));
  return repeated(steps, depth, withoutNumber).join("/");
}

/** @template T @param {T} value @param {number} depth @param {(value: T) => T} step @returns {T} taken once more than `depth`. */
function repeated(value, depth, step) {
  return depth < 0 ? value : repeated(step(value), depth - 1, step);
}

/** @param {string[]} steps of a path @returns {string[]} those behind its first number. */
function withoutNumber(steps) {
  const number = steps.findIndex((step, index) => index > 0 && NUMBER.test(step));
  return number >= 0 && number < steps.length - 1 ? steps.slice(number + 1) : steps;
}

/**
 * Have the page show one more row.
 *
 * @param {List} list
 * @returns {Element | null} the row, if it is there at once.
 */
export function showRow(list) {
  const blank = blankRow(list);
  if (blank) {
    const made = /** @type {Element} */ (document.importNode(blank, true));
    const start = startOf(blank);
    number(made, nextNumber(list, start));
    list.container.append(made);
    count(list, start);
    return made;
  }
  const before = new Set(rowsIn(list));
  buttonOf(list)?.click();
  return rowsIn(list).find((row) => !before.has(row)) ?? null;
}

/** The page's own button for one more row, the nearest one. @param {List} list @returns {HTMLElement | null} */
function buttonOf({ container }) {
  const selector = `[data-handshake-add="${CSS.escape(attributeOf(container, MARK))}"]`;
  for (let each = /** @type {Element | null} */ (container); each; each = around(each)) {
    const found = below(each).find((element) => element.matches(selector));
    if (found) return /** @type {HTMLElement} */ (found);
  }
  return null;
}

/** @param {Element} blank @returns {string} the names of its controls up to the row's number. */
function startOf(blank) {
  const names = below(blank).map((element) => attributeOf(element, "name") ?? "");
  const named = names.find((name) => PLACEHOLDER.test(name)) ?? "";
  return named.slice(0, named.search(PLACEHOLDER));
}

/** @param {List} list @param {string} start @returns {number} one beyond the numbers of rows, or as many as there are. */
function nextNumber(list, start) {
  const rows = rowsIn(list);
  const names = rows.flatMap(below).map((element) => attributeOf(element, "name") ?? "");
  const numbers = names.filter((name) => start && name.startsWith(start)).map((name) => Number.parseInt(name.slice(start.length), 10));
  return Math.max(rows.length, ...numbers.filter(Number.isFinite).map((each) => each + 1));
}

/** Put a number in place of what stands for it, first in names that hold those of rows within too. */
function number(/** @type {Element} */ row, /** @type {number} */ place) {
  for (const element of [row, ...below(row)]) {
    for (const name of [...NAMING, MARK]) {
      const named = attributeOf(element, name);
      if (named && PLACEHOLDER.test(named)) element.setAttribute(name, named.replace(PLACEHOLDER, String(place)));
    }
    if (element instanceof HTMLTemplateElement) for (const inner of element.content.children) number(inner, place);
  }
}

/** Tell Django's management form of the rows (Django, formsets). @param {List} list @param {string} start */
function count({ container }, start) {
  const form = container.closest("form");
  const total = form && [...elementsOf(form)].find(({ name }) => name === `${start}TOTAL_FORMS`);
  if (total) total.value = String(rowsIn({ key: "", container }).length);
}

/** Have the page show a row no more: by the page's own button in it, if it has one. @param {Element} row */
export function hideRow(row) {
  const buttons = [...row.querySelectorAll("[data-handshake-remove]")];
  const button = buttons.find((each) => each.closest(`[${MARK}] > *`) === row); // and not of a row within
  if (button instanceof HTMLElement) button.click();
  else row.remove();
}
