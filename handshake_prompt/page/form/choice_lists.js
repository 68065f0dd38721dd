/**
 * Lists to choose from that a page draws (WAI-ARIA, radio group and listbox): each is one control, which is read by the
 * states of its items and written by clicks on them.
 */

import { attributeOf, below } from "./clobbering.js";

/** Native radio buttons in a group are its controls, unless the page hides them behind those that it draws. */
const RADIO_GROUP =
  "[role=radiogroup]:has([role=radio][aria-checked]:not(input)):not(:has(input[type=radio]:not([aria-hidden=true])))";
/** One that stays where it is: others belong to a button or a text that opens them. */
const LISTBOX = ":is([role=listbox][tabindex='0'], [role=listbox]:has([role=option][tabindex='0']))";
const ITEM = "[role=radio][aria-checked]:not(input), [role=option]";

/** Whether an element is such a list. @param {Element} element */
export function isChoiceList(element) {
  return element.matches(`${RADIO_GROUP}, ${LISTBOX}`);
}

/** Whether several of its items may be chosen. @param {Element} list */
export function isMultiple(list) {
  return attributeOf(list, "aria-multiselectable") === "true";
}

/** @param {Element} list @returns {Element[]} */
export function itemsOf(list) {
  return below(list).filter((element) => element.matches(ITEM));
}

/** The value that an item stands for: its own word for it, else its text, else its id. @param {Element} item */
export function itemValueOf(item) {
  const told = attributeOf(item, "data-value") ?? attributeOf(item, "value");
  return told ?? (item.textContent?.replace(/\s+/g, " ").trim() || item.id);
}

/** @param {Element} item */
function isChosen(item) {
  return ["aria-checked", "aria-selected"].some((name) => attributeOf(item, name) === "true");
}

/** @param {Element} list @returns {string | string[] | null} what is chosen in it. */
export function choiceIn(list) {
  const chosen = itemsOf(list).filter(isChosen).map(itemValueOf);
  return isMultiple(list) ? chosen : (chosen[0] ?? null);
}

/** Choose by clicks: of one item alone, the choice cannot be taken back. @param {Element} list @param {any} value */
export function chooseIn(list, value) {
  const wanted = [value].flat();
  for (const item of /** @type {HTMLElement[]} */ (itemsOf(list))) {
    const isWanted = wanted.includes(itemValueOf(item));
    if (isWanted !== isChosen(item) && (isWanted || isMultiple(list))) item.click();
  }
}
