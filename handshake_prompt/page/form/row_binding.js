/**
 * Two-way binding of the rows that a page shows to those of the session, by the ids that the server gives. Rows that come
 * or go by themselves are the person's doing; those of the session's are shown by the page's own means.
 */

import { entryOf } from "../client/rows.js";
import { hideRow, listsOf, blankRow, rowsIn, showRow } from "./rows.js";

/** @typedef {import("./rows.js").List} List */

/** The rows of one form. */
export class RowBinding {
  /** @type {WeakMap<Element, string>} Row ids. */
  ids;
  #session;
  #form;
  #perform;
  #valueOf;
  /** @type {Map<string, Map<string, Element>>} By list and id: the rows that are shown. */
  #shown = new Map();
  /** @type {Map<string, string[]>} By list: rows that the page has been asked for and does not show yet. */
  #awaited = new Map();
  /** @type {WeakSet<Element>} Rows that have been reported, or are none of the session's. */
  #told = new WeakSet();
  /** @type {WeakSet<Element>} Rows that the server has not answered for yet. */
  #adding = new WeakSet();
  /** @type {string[]} Keys of the person's rows that the server has taken since the last review. */
  #taken = [];

  /**
   * @param {import("../client.js").HandshakeSession} session
   * @param {HTMLFormElement} form
   * @param {object} means
   * @param {WeakMap<Element, string>} means.ids
   * @param {(work: () => void) => void} means.perform changes the page as the session's doing.
   * @param {(list: string, row: Element) => Record<string, any>} means.valueOf reads a row.
   */
  constructor(session, form, { ids, perform, valueOf }) {
    this.ids = ids;
    this.#session = session;
    this.#form = form;
    this.#perform = perform;
    this.#valueOf = valueOf;
  }

  /**
   * Bring page and session together.
   *
   * @returns {string[]} the keys of rows that are shown from now on.
   */
  review() {
    const { schema, state, fields } = this.#session;
    if (state !== "open" && fields.size === 0) return []; // the session's rows are not known yet
    const lists = this.#known(listsOf(this.#form), "");
    const shown = [];
    for (const list of lists) { // grows by the lists in rows
      shown.push(...this.#reviewList(list));
      for (const [id, row] of this.#shown.get(list.key) ?? []) lists.push(...this.#known(listsOf(row), `${list.key}/${id}/`));
    }
    return [...shown, ...this.#taken.splice(0)];
  }

  /** Those of some lists that are the session's, by their whole keys. @param {List[]} lists @param {string} start */
  #known(lists, start) {
    const whole = lists.map(({ key, container }) => ({ key: `${start}${key}`, container }));
    return whole.filter(({ key }) => entryOf(this.#session.schema, key)?.type === "rows");
  }

  /** @param {List} list @returns {string[]} the keys of its rows that are shown from now on. */
  #reviewList(list) {
    const isNew = !this.#shown.has(list.key);
    if (isNew) this.#shown.set(list.key, new Map());
    const paired = this.#pair(list, isNew);
    this.#reportRemoved(list);
    const added = this.#show(list);
    if (!isNew) this.#reportAdded(list);
    return [...paired, ...added].map((id) => `${list.key}/${id}`);
  }

  /** @param {List} list */
  #unpaired(list) {
    return rowsIn(list).filter((row) => !this.ids.has(row) && !this.#told.has(row));
  }

  /** Give rows of the page the ids they have waited for; at first, those of the session in its order. */
  #pair(/** @type {List} */ list, /** @type {boolean} */ isNew) {
    const waiting = isNew ? [...this.#session.rows(list.key)] : (this.#awaited.get(list.key) ?? []);
    const paired = [];
    for (const row of this.#unpaired(list)) {
      const id = waiting.shift();
      if (id !== undefined) paired.push(this.#keep(list, row, id));
      else if (isNew) this.#told.add(row); // an empty one that the page begins with
    }
    return paired;
  }

  /** @param {List} list @param {Element} row @param {string} id */
  #keep(list, row, id) {
    this.ids.set(row, id);
    this.#shown.get(list.key)?.set(id, row);
    return id;
  }

  /** @param {List} list */
  #reportRemoved(list) {
    const present = new Set(rowsIn(list));
    for (const [id, row] of this.#shown.get(list.key) ?? []) {
      if (present.has(row)) continue;
      this.#shown.get(list.key)?.delete(id);
      this.#session.removeRow(`${list.key}/${id}`);
    }
  }

  /** Show the session's rows, and no others of its own. @param {List} list @returns {string[]} those that are new. */
  #show(list) {
    const shown = /** @type {Map<string, Element>} */ (this.#shown.get(list.key));
    const ids = this.#session.rows(list.key);
    for (const [id, row] of [...shown]) {
      if (ids.includes(id)) continue;
      shown.delete(id);
      this.#told.add(row);
      this.#perform(() => hideRow(row));
    }
    const awaited = this.#awaited.get(list.key) ?? [];
    const added = [];
    for (const id of ids.filter((each) => !shown.has(each) && !awaited.includes(each))) {
      if (this.#isAdding(list)) break; // it may be the very row that is being reported
      const row = this.#made(list);
      if (row) added.push(this.#keep(list, row, id));
      else awaited.push(id);
    }
    this.#awaited.set(list.key, awaited.filter((id) => ids.includes(id)));
    if (blankRow(list)) this.#arrange(list, ids.flatMap((id) => shown.get(id) ?? []));
    return added;
  }

  /** @param {List} list of the page's, whose own key is the last step. */
  #made(list) {
    /** @type {Element | null} */
    let row = null;
    this.#perform(() => (row = showRow(list)));
    return row;
  }

  /** @param {List} list @param {Element[]} rows in the session's order. */
  #arrange(list, rows) {
    const present = rowsIn(list).filter((row) => rows.includes(row));
    if (present.some((row, index) => row !== rows[index])) this.#perform(() => list.container.append(...rows));
  }

  /** @param {List} list */
  #isAdding(list) {
    return rowsIn(list).some((row) => this.#adding.has(row));
  }

  /** @param {List} list */
  #reportAdded(list) {
    for (const row of this.#unpaired(list)) this.#report(list, row);
  }

  /** @param {List} list @param {Element} row */
  async #report(list, row) {
    this.#told.add(row);
    this.#adding.add(row);
    const rows = rowsIn(list);
    const before = rows.slice(0, rows.indexOf(row)).findLast((each) => this.ids.has(each));
    const after = before ? this.ids.get(before) : null;
    const id = await this.#session.addRow(list.key, this.#valueOf(list.key, row), after);
    this.#adding.delete(row);
    if (id !== null) this.#taken.push(`${list.key}/${this.#keep(list, row, id)}`);
  }
}
