/** Buttons of lists of rows, by delegation: rows that are made of a template bring none of their own listeners. */

import { attributeOf } from "../form/clobbering.js";
import { showRow } from "../form/rows.js";

/**
 * Do what a button is for, if the event is on one.
 *
 * @param {Event} event
 * @param {() => void} changed brings the page up to date.
 */
export function press(event, changed) {
  const target = /** @type {Element} */ (event.target);
  const button = target.closest("[data-add], [data-handshake-remove]");
  const list = button?.closest("[data-kind=rows]");
  if (!button || !list) return;
  const next = button.matches("[data-add]") ? addRow(list) : removeRow(button, list);
  changed();
  if (event.isTrusted) next?.focus();
}

/** @param {Element} list @returns {HTMLElement | null} the first control of the new row. */
function addRow(list) {
  const container = /** @type {Element} */ (list.querySelector(":scope > [data-handshake-rows]"));
  const row = showRow({ key: attributeOf(container, "data-handshake-rows"), container });
  return row?.querySelector("input, select, textarea") ?? null;
}

/** @param {Element} button @param {Element} list @returns {HTMLElement | null} what is near to where the row was. */
function removeRow(button, list) {
  button.closest("[data-handshake-rows] > *")?.remove();
  return list.querySelector(":scope > [data-add]");
}
