/**
 * Sight of a session while its form is being submitted: the values and rows that the person saw when they asked for it,
 * with their own changes since. What differs from it was changed by others, and is to be looked at first.
 */

import { splitRow } from "./rows.js";
import { isSame } from "./values.js";

/** @typedef {import("./view.js").SessionView} SessionView */

/** What the person has seen, from its making until `end`. */
export class Sight {
  #view;
  /** @type {Map<string, any>} By key. */
  #values;
  /** @type {Map<string, string[]>} By list. */
  #rows;
  /** @type {string[]} The keys of rows that the person has added since. */
  #added = [];
  #ended = new AbortController();

  /** @param {EventTarget} page is told of all that happens to `view`. @param {SessionView} view */
  constructor(page, view) {
    const { fields, lists } = view;
    this.#view = view;
    this.#values = new Map([...fields].map(([key, { value }]) => [key, value]));
    this.#rows = new Map(lists.map((list) => [list, view.rows(list)]));
    const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ act) =>
      page.addEventListener(name, (/** @type {any} */ { detail }) => act(detail), { signal: this.#ended.signal });
    on("field", ({ key, cause }) => cause === "local" && this.take([key]));
    on("rows", ({ list, rows, cause }) => cause === "local" && this.#rows.set(list, rows));
    on("ack", (ack) => this.#acknowledged(ack));
  }

  /** @returns {string[]} the fields, and the lists of rows, that are shown otherwise now by the doing of others. */
  get changed() {
    const isOwn = (/** @type {string} */ key) => this.#added.some((row) => key.startsWith(`${row}/`));
    const fields = [...this.#view.fields].filter(([key, { value }]) => !isOwn(key) && !isSame(value, this.#valueOf(key)));
    const lists = new Set([...this.#rows.keys(), ...this.#view.lists]);
    return [...fields.map(([key]) => key), ...[...lists].filter((list) => this.#isOther(list))];
  }

  /** Take for seen what the person has changed. @param {string[]} keys of fields, and of rows. */
  take(keys) {
    for (const key of keys) {
      this.#values.set(key, this.#view.fields.get(key)?.value);
      const { list } = splitRow(key);
      if (this.#rows.has(list)) this.#rows.set(list, this.#view.rows(list));
    }
  }

  end() {
    this.#ended.abort();
  }

  /** @param {any} ack of a write of the page's: the server may word its value in its own way. */
  #acknowledged({ key, seq, row }) {
    if (row) this.#added.push(`${key}/${row}`);
    else if (this.#view.fields.get(key)?.rev === seq) this.take([key]);
  }

  /** What a field had shown, by the server's word or else by the page's. @param {string} key */
  #valueOf(key) {
    return this.#values.has(key) ? this.#values.get(key) : this.#view.given?.[key];
  }

  /** @param {string} list */
  #isOther(list) {
    const known = (/** @type {string[]} */ rows) => String(rows.filter((row) => !this.#added.includes(`${list}/${row}`)));
    return known(this.#view.rows(list)) !== known(this.#rows.get(list) ?? []);
  }
}
