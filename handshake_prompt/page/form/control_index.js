/** Index of a form's controls: those of a field by its key, and the field of a control. */

import { rootOf } from "./clobbering.js";
import { controlsOf, nameOf } from "./controls.js";
import { listsOf, outsideOf, rowsIn } from "./rows.js";
import { cellGroups, fieldGroups } from "./schema.js";

/** @typedef {import("./controls.js").Control} Control */
/**
 * @typedef {object} Row
 * @property {Element} row
 * @property {Map<string, Control[]>} cells by their keys within the row.
 * @property {Map<string, Row[]>} lists of rows within, likewise.
 */

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
    for (const { key, controls } of fieldGroups(form, outsideOf(this.controls, lists))) {
      this.#byKey.set(key, controls);
      for (const control of controls) this.#keys.set(control, () => key);
    }
    this.#rows = this.#rowsOf(form, lists, 0, () => "");
  }

  /**
   * @param {HTMLFormElement} form
   * @param {import("./rows.js").List[]} lists
   * @param {number} depth
   * @param {() => string | undefined} start of the keys of these lists, once the row around them has an id.
   * @returns {Map<string, Row[]>}
   */
  #rowsOf(form, lists, depth, start) {
    return new Map(lists.map((list) => [list.key, rowsIn(list).map((row) => this.#rowOf(form, row, depth, () => {
      const [before, id] = [start(), this.#ids.get(row)];
      return before === undefined || id === undefined ? undefined : `${before}${list.key}/${id}/`;
    }))]));
  }

  /**
   * @param {HTMLFormElement} form
   * @param {Element} row
   * @param {number} depth
   * @param {() => string | undefined} start of the keys of its cells.
   * @returns {Row}
   */
  #rowOf(form, row, depth, start) {
    const groups = cellGroups(form, row, depth);
    for (const { key, controls } of groups) {
      const cell = () => (start() === undefined ? undefined : `${start()}${key}`);
      for (const control of controls) this.#keys.set(control, cell);
    }
    const cells = new Map(groups.map(({ key, controls }) => [key, controls]));
    return { row, cells, lists: this.#rowsOf(form, listsOf(row), depth + 1, start) };
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
    const { row, rest } = this.#find(key);
    return row?.cells.get(rest);
  }

  /** The innermost row that a key leads into, and what of the key is left. @param {string} key */
  #find(key) {
    let [lists, rest, row] = [this.#rows, key, /** @type {Row | undefined} */ (undefined)];
    for (;;) {
      const list = [...lists.keys()].find((each) => rest.startsWith(`${each}/`));
      if (list === undefined) return { row, rest, lists };
      const [id, ...cell] = rest.slice(list.length + 1).split("/");
      row = lists.get(list)?.find((each) => this.#ids.get(each.row) === id);
      if (!row || cell.length === 0) return { row, rest: "", lists: row?.lists ?? new Map() };
      [lists, rest] = [row.lists, cell.join("/")];
    }
  }

  /** @param {string} list the key of a list, also of one in a row @returns {Row[]} the rows that the page shows. */
  rows(list) {
    const { lists, rest } = this.#find(list);
    return lists.get(rest) ?? [];
  }

  /** The key derived from a control, if it is in a field. @param {Control} control @returns {string | undefined} */
  keyOf(control) {
    return this.#keys.get(control)?.();
  }

  /**
   * Whether a control had another name before. A page's own schema may write its key in another way than the one that is
   * derived, so it is compared with the one that was derived then.
   *
   * @param {Control} control
   * @param {ControlIndex} before
   */
  isRenamed(control, before) {
    const had = before.keyOf(control);
    return had !== undefined && had !== this.keyOf(control);
  }

  /** The keys that a control may be known by, the derived one first. @param {Control} control @returns {string[]} */
  keysOf(control) {
    return [this.keyOf(control), nameOf(control)].filter((key) => key !== undefined);
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
