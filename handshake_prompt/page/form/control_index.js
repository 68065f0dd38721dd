/** Index of a form's controls: those of a field by its key, and the field of a control. */

import { rootOf } from "./clobbering.js";
import { controlsOf, nameOf } from "./controls.js";
import { listsOf, rowsIn } from "./rows.js";
import { cellGroups, fieldGroups } from "./schema.js";

/** @typedef {import("./controls.js").Control} Control */
/** @typedef {{row: Element, cells: Map<string, Control[]>}} Row */

/** The controls of one form as they are at present; made anew when the form has changed. */
export class ControlIndex {
  /** @type {Control[]} */
  controls;
  /** @type {Map<string, Control[]>} */
  #byKey = new Map();
  /** @type {Map<Control, () => string | undefined>} */
  #keys = new Map();
  /** @type {Map<string, Row[]>} By the key of their list. */
  #rows = new Map();
  #ids;

  /** @param {HTMLFormElement} form @param {WeakMap<Element, string>} [ids] of rows, as far as they have any. */
  constructor(form, ids = new WeakMap()) {
    this.#ids = ids;
    this.controls = controlsOf(form);
    const lists = listsOf(form);
    const single = this.controls.filter((control) => !lists.some(({ container }) => container.contains(control)));
    for (const { key, controls } of fieldGroups(form, single)) {
      this.#byKey.set(key, controls);
      for (const control of controls) this.#keys.set(control, () => key);
    }
    for (const list of lists) this.#rows.set(list.key, rowsIn(list).map((row) => this.#rowOf(form, list.key, row)));
  }

  /** @param {HTMLFormElement} form @param {string} list @param {Element} row @returns {Row} */
  #rowOf(form, list, row) {
    const cells = new Map();
    for (const { key, controls } of cellGroups(form, row)) {
      cells.set(key, controls);
      const cell = () => this.#ids.has(row) ? `${list}/${this.#ids.get(row)}/${key}` : undefined;
      for (const control of controls) this.#keys.set(control, cell);
    }
    return { row, cells };
  }

  /**
   * The controls of a field: by the key derived from them, or by their own name, as a page's own schema has it.
   *
   * @param {string} key
   * @returns {Control[]}
   */
  of(key) {
    return this.#byKey.get(key) ?? this.#cell(key) ?? this.controls.filter((control) => nameOf(control) === key);
  }

  /** @param {string} key @returns {Control[] | undefined} */
  #cell(key) {
    for (const [list, rows] of this.#rows) {
      if (!key.startsWith(`${list}/`)) continue;
      const [id, ...cell] = key.slice(list.length + 1).split("/");
      return rows.find(({ row }) => this.#ids.get(row) === id)?.cells.get(cell.join("/"));
    }
    return undefined;
  }

  /** @param {string} list @returns {Row[]} the rows that the page shows. */
  rows(list) {
    return this.#rows.get(list) ?? [];
  }

  /** The keys that a control may be known by, the derived one first. @param {Control} control @returns {string[]} */
  keysOf(control) {
    return [this.#keys.get(control)?.(), nameOf(control)].filter((key) => key !== undefined);
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
