/** Index of a form's controls: those of a field by its key, and the field of a control. */

import { rootOf } from "./clobbering.js";
import { controlsOf, nameOf } from "./controls.js";
import { fieldGroups } from "./schema.js";

/** @typedef {import("./controls.js").Control} Control */

/** The controls of one form as they are at present; made anew when the form has changed. */
export class ControlIndex {
  /** @type {Control[]} */
  controls;
  /** @type {Map<string, Control[]>} */
  #byKey = new Map();
  /** @type {Map<Control, string>} */
  #keys = new Map();

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.controls = controlsOf(form);
    for (const { key, controls } of fieldGroups(form, this.controls)) {
      this.#byKey.set(key, controls);
      for (const control of controls) this.#keys.set(control, key);
    }
  }

  /**
   * The controls of a field: by the key derived from them, or by their own name, as a page's own schema has it.
   *
   * @param {string} key
   * @returns {Control[]}
   */
  of(key) {
    return this.#byKey.get(key) ?? this.controls.filter((control) => nameOf(control) === key);
  }

  /** The keys that a control may be known by, the derived one first. @param {Control} control @returns {string[]} */
  keysOf(control) {
    return [this.#keys.get(control), nameOf(control)].filter((key) => key !== undefined);
  }

  /** @param {unknown} element */
  has(element) {
    return this.controls.includes(element);
  }

  /** @returns {Set<any>} the shadow roots that controls are in. */
  get shadowRoots() {
    return new Set(this.controls.map((control) => rootOf(control)).filter((root) => root instanceof ShadowRoot));
  }
}
