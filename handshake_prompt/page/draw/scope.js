/**
 * Fields of a form, or of one of its rows, as they are at present: which are shown, required, and to be chosen from. A
 * name in a condition means a field of the row first, then one around it.
 */

import { rowsIn } from "../form/rows.js";
import { UNREADABLE, read } from "../form/values.js";
import { holds } from "./conditions.js";
import { fillOptions } from "./controls.js";
import { kindOf, labelOf, valueOf } from "./kinds.js";
import { node } from "./nodes.js";

/** @typedef {import("../client.js").Field} Field */
/** @typedef {Pick<import("./controls.js").Place, "words" | "classOf">} Look */

const CONTROLS = "input, select, textarea";
/** Other controls are disabled where nobody may change them. */
const WITH_READONLY = "textarea, input:not([type=checkbox], [type=radio], [type=range], [type=color], [type=file])";

/** One place with fields. */
export class Scope {
  #root;
  #fields;
  #look;
  #outer;
  /** @type {Map<string, boolean>} */
  #shown = new Map();

  /**
   * @param {Element} root is around the fields.
   * @param {Field[]} fields
   * @param {Look} look
   * @param {Scope | null} [outer] what is around a row.
   */
  constructor(root, fields, look, outer = null) {
    this.#root = root;
    this.#fields = new Map(fields.map((field) => [field.key, field]));
    this.#look = look;
    this.#outer = outer;
  }

  /** Bring the page up to date. @returns {boolean} whether values are others now, since an option has gone. */
  update() {
    let isOther = false;
    for (const field of this.#fields.values()) {
      const element = this.#elementOf(field.key);
      if (element) isOther = this.#show(field, element) || isOther;
    }
    for (const group of this.#root.querySelectorAll("fieldset:not([data-key])")) {
      const fields = [...group.children].filter((child) => child.matches("[data-key]"));
      group.toggleAttribute("hidden", fields.every((each) => each.matches("[hidden]")));
    }
    return isOther;
  }

  // ---- values, as conditions see them

  /** @param {string} name @returns {unknown} none of an empty field: it is like no value. */
  valueOf(name) {
    const field = this.#fields.get(name);
    if (!field) return this.#outer?.valueOf(name) ?? [];
    const value = this.#isShown(field) ? (this.#read(field) ?? "") : "";
    return value === "" ? [] : value;
  }

  /** @param {string} name @returns {boolean} */
  isFilled(name) {
    const field = this.#fields.get(name);
    const inside = [...this.#fields.keys()].filter((key) => key.startsWith(`${name}/`));
    if (!field && inside.length === 0) return this.#outer?.isFilled(name) ?? false;
    if (!field) return inside.some((key) => this.isFilled(key));
    const value = this.valueOf(name);
    return !(Array.isArray(value) && value.length === 0);
  }

  /** @param {Field} field */
  #isShown(field) {
    const known = this.#shown.get(field.key);
    if (known !== undefined) return known;
    const isShown = !field.showIf || holds(field.showIf, this);
    this.#shown.set(field.key, isShown);
    return isShown;
  }

  /** @param {Field} field @returns {unknown} */
  #read(field) {
    const element = this.#elementOf(field.key);
    if (!element) return null;
    if (kindOf(field) === "rows") return rowsIn({ key: field.key, container: containerIn(element) });
    const controls = [...element.querySelectorAll(CONTROLS)];
    const value = read(controls, field);
    return value === UNREADABLE ? null : value;
  }

  /** @param {string} key @returns {HTMLElement | null} what a field is drawn in. */
  #elementOf(key) {
    const found = [...this.#root.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)];
    return /** @type {HTMLElement | null} */ (found.find((each) => this.#isOwn(each)) ?? null);
  }

  /** Whether an element stands in this place, and in no row within it. @param {Element} element */
  #isOwn(element) {
    const rows = element.parentElement?.closest("[data-handshake-rows]");
    return !rows || rows.contains(this.#root);
  }

  // ---- the page

  /** @param {Field} field @param {HTMLElement} element @returns {boolean} */
  #show(field, element) {
    const isShown = this.#isShown(field);
    const isRequired = isShown && (field.required || Boolean(field.requiredIf && holds(field.requiredIf, this)));
    element.toggleAttribute("hidden", !isShown);
    this.#mark(element, isRequired);
    if (kindOf(field) === "rows") return this.#showRows(field, element);
    const isOther = this.#showOptions(field, element);
    const isFixed = field.readOnly === true;
    for (const control of element.querySelectorAll(CONTROLS)) {
      const isOff = !isShown || control.matches("[data-off]"); // and is not validated
      control.toggleAttribute("disabled", isOff || (isFixed && !control.matches(WITH_READONLY)));
      control.toggleAttribute("readonly", isFixed && control.matches(WITH_READONLY));
      control.toggleAttribute("required", isRequired && !isFixed && isChecked(field));
    }
    return isOther;
  }

  /** Mark a required field, as its control tells a screen reader. @param {HTMLElement} element @param {boolean} isRequired */
  #mark(element, isRequired) {
    const present = element.querySelector(":scope > * > [data-mark]");
    if (isRequired === (present !== null)) return;
    const mark = node("span", { "data-mark": true, "aria-hidden": "true", class: this.#look.classOf("mark") }, "\u00a0*");
    if (isRequired) element.querySelector(":scope > label, :scope > legend")?.append(mark);
    else present?.remove();
  }

  /** Show the options whose conditions hold. @param {Field} field @param {HTMLElement} element @returns {boolean} */
  #showOptions(field, element) {
    const options = /** @type {any[]} */ (field.options ?? []);
    if (!options.some((option) => option?.when)) return false;
    const present = options.filter((option) => !option?.when || holds(option.when, this));
    const control = element.querySelector("select");
    return control ? this.#fill(control, field, present) : this.#showChoices(element, options, present);
  }

  /** @param {HTMLSelectElement} control @param {Field} field @param {any[]} options */
  #fill(control, field, options) {
    const offered = [...control.options].map(({ value }) => value).filter(Boolean);
    if (String(offered) === String(options.map(valueOf))) return false;
    const chosen = [...control.selectedOptions].map(({ value }) => value);
    fillOptions(control, { ...field, options }, (option) => chosen.includes(String(valueOf(option))), this.#look.words);
    return chosen.some((value) => value !== "" && ![...control.selectedOptions].some((each) => each.value === value));
  }

  /** @param {HTMLElement} element @param {any[]} options @param {any[]} present */
  #showChoices(element, options, present) {
    let isOther = false;
    const controls = /** @type {NodeListOf<HTMLInputElement>} */ (element.querySelectorAll("input"));
    controls.forEach((control, index) => {
      const isGone = !present.includes(options[index]);
      control.toggleAttribute("data-off", isGone || options[index]?.disabled === true);
      control.parentElement?.toggleAttribute("hidden", isGone);
      if (!isGone || !control.checked) return;
      control.checked = false;
      isOther = true;
    });
    return isOther;
  }

  /** @param {Field} field @param {HTMLElement} element @returns {boolean} */
  #showRows(field, element) {
    const rows = rowsIn({ key: field.key, container: containerIn(element) });
    element.querySelector(":scope > [data-add]")?.toggleAttribute("disabled", rows.length >= (field.maxRows ?? Infinity));
    let isOther = false;
    rows.forEach((row, index) => {
      name(row, `${labelOf(field)} ${index + 1}`);
      name(row.querySelector(":scope > [data-handshake-remove]"), `${this.#look.words.remove}: ${labelOf(field)} ${index + 1}`);
      isOther = new Scope(row, field.fields ?? [], this.#look, this).update() || isOther;
    });
    return isOther;
  }
}

/** Name an element for a screen reader. @param {Element | null} element @param {string} words */
function name(element, words) {
  if (element?.getAttribute("aria-label") !== words) element?.setAttribute("aria-label", words);
}

/**
 * Whether a browser can tell that an answer is missing: an empty one is an answer where null or nothing is, an unchecked
 * box is one unless it is a consent.
 *
 * @param {Field} field
 */
function isChecked(field) {
  const kind = kindOf(field);
  return !field.nullable && !field.blank && kind !== "checkboxes" && (kind !== "checkbox" || field.options !== undefined);
}

/** @param {Element} element */
function containerIn(element) {
  return /** @type {Element} */ (element.querySelector("[data-handshake-rows]"));
}
