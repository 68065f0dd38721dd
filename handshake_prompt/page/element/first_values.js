/** Values that a form has when a session of it begins or goes on, and whose they are. */

import { isSame } from "../client/values.js";
import { ControlIndex, valuesOf } from "../form.js";
import { isPersons } from "./field_facts.js";

/** @typedef {import("../client.js").Field} Field */

/** What is known of one form beyond what its controls say. */
export class FirstValues {
  /** @type {Map<string, any>} What agents wrote in sessions before: by staying there it is not made the person's. */
  #left = new Map();
  /** @type {WeakSet<any>} Controls that the person has touched since the page was loaded. */
  #touched = new WeakSet();

  /** Note what the person touches. @param {Document | ShadowRoot} root @param {AbortSignal} signal */
  attend(root, signal) {
    const touch = (/** @type {Event} */ event) => event.isTrusted && this.#touched.add(event.composedPath()[0]);
    for (const name of ["input", "change"]) root.addEventListener(name, touch, { signal, capture: true });
  }

  /** Note what an agent leaves in the form. @param {Map<string, import("../client.js").FieldRecord>} fields */
  leave(fields) {
    for (const [key, { by, value }] of fields) if (by === "ai") this.#left.set(key, value);
  }

  /**
   * @param {HTMLFormElement} form
   * @param {Field[]} schema
   * @returns {{context: Record<string, any>, defaults: Record<string, any>}} what a new session begins with.
   */
  given(form, schema) {
    const { context, defaults } = valuesOf(form, schema);
    const index = new ControlIndex(form);
    for (const [key, value] of Object.entries(defaults)) {
      if (!this.#isTouched(index, key)) continue;
      context[key] = value; // a framework makes what was typed the control's own default
      delete defaults[key];
    }
    for (const [key, value] of this.#left) {
      if (!(key in context) || !isSame(context[key], value)) continue;
      defaults[key] = value;
      delete context[key];
    }
    return { context, defaults };
  }

  /**
   * What the browser has restored in the controls after a reload is no edit, where the session knows better.
   *
   * @param {HTMLFormElement} form
   * @param {import("../client.js").HandshakeSession} session
   * @returns {Record<string, any>} by key, what is not to be reported.
   */
  restored(form, { schema, fields }) {
    const index = new ControlIndex(form);
    const { context, defaults } = valuesOf(form, schema);
    const shown = { ...defaults, ...context };
    const isKnown = (/** @type {[string, any]} */ [key, { by }]) =>
      (by === "ai" || isPersons(by)) && !this.#isTouched(index, key);
    return Object.fromEntries([...fields].filter(isKnown).map(([key]) => [key, shown[key]]));
  }

  /** @param {ControlIndex} index @param {string} key */
  #isTouched(index, key) {
    return index.of(key).some((control) => this.#touched.has(control));
  }
}
