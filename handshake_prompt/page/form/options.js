/** Options of controls: of radio buttons and checkboxes of one name, of selects, and those that a text is suggested. */

import { isMultiple, itemValueOf, itemsOf } from "./choice_lists.js";
import { attributeOf, rootOf } from "./clobbering.js";
import { isChoosable } from "./controls.js";
import { choiceLabelOf, labelOf, textOf } from "./labels.js";
import { choiceValueOf } from "./values.js";

/** @typedef {import("./controls.js").Control} Control */

/** @param {Control[]} controls */
export function choices(controls) {
  const open = controls.filter((control) => !control.matches(":disabled"));
  const options = (open.length > 0 ? open : controls).map((control) => {
    const isExclusive = attributeOf(control, "data-behaviour") === "exclusive";
    const label = choiceLabelOf(control, controls);
    return option({ value: choiceValueOf(control, controls), label, exclusive: isExclusive || undefined });
  });
  return { type: "enum", multiple: controls[0].type === "checkbox" || undefined, options };
}

/** @param {HTMLSelectElement} select */
export function selection(select) {
  /** @type {Map<string, any>} */
  const options = new Map();
  for (const each of [...select.options].filter(isChoosable)) {
    const group = each.closest("optgroup")?.label || undefined;
    if (!options.has(each.value)) options.set(each.value, option({ value: each.value, label: each.label.trim(), group }));
  }
  return { type: "enum", multiple: select.multiple || undefined, options: [...options.values()] };
}

/** @param {Element} list that the page draws. */
export function drawn(list) {
  const open = itemsOf(list).filter((item) => attributeOf(item, "aria-disabled") !== "true" && !item.matches(":disabled"));
  const options = open.map((item) => option({ value: itemValueOf(item), label: labelOf(item) }));
  return { type: "enum", multiple: isMultiple(list) || undefined, options };
}

/** The entries of a list beside a control for text, which takes others too. @param {HTMLInputElement} input */
export function suggestions(input) {
  const listed = [...(input.list?.options ?? [])].filter(({ value, disabled }) => value && !disabled);
  const options = listed.length > 0 ? listed.map(({ value, label }) => option({ value, label })) : popup(input);
  return options.length > 0 ? { options, open: true } : {};
}

/** What the list of a combobox shows (WAI-ARIA, combobox pattern). @param {Element} input @returns {string[]} */
function popup(input) {
  if (attributeOf(input, "role") !== "combobox") return [];
  const id = attributeOf(input, "aria-controls") ?? attributeOf(input, "aria-owns");
  const list = id ? rootOf(input).getElementById(id) : null;
  const texts = [...(list?.querySelectorAll("[role=option]:not([aria-disabled=true])") ?? [])].map(textOf);
  return [...new Set(texts.filter(Boolean))];
}

/** An option in its shortest form. @param {{value: string, [member: string]: any}} told */
function option({ value, label, ...others }) {
  const about = compact({ label: label === value ? undefined : label, ...others });
  return Object.keys(about).length > 0 ? { value, ...about } : value;
}

/** @param {Record<string, any>} entry @returns {any} its members that say something. */
export function compact(entry) {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined && value !== ""));
}
