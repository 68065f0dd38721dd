/** Rows of a session's lists: their ids in order, by the key of the list, and the entry of the schema for a cell. */

/** @typedef {import("./view.js").Field} Field */

/** @param {string} key @returns {{list: string, row: string}} the list of a row, and the row's id. */
export function splitRow(key) {
  const cut = key.lastIndexOf("/");
  return { list: key.slice(0, cut), row: key.slice(cut + 1) };
}

/**
 * The entry of the schema for a key: of a field, of a list of rows, or of a cell (`lines/r3/amount`).
 *
 * @param {Field[]} schema
 * @param {string} key
 * @returns {Field | undefined}
 */
export function entryOf(schema, key) {
  const entry = schema.find((field) => field.key === key);
  if (entry) return entry;
  for (const { key: list, fields } of schema) {
    if (!fields || !key.startsWith(`${list}/`)) continue;
    const cell = key.slice(list.length + 1).replace(/^[^/]+\//, "");
    const found = entryOf(fields, cell);
    if (found) return found;
  }
  return undefined;
}

/** The rows of one session. */
export class StoredRows {
  /** @type {Map<string, string[]>} */
  #lists = new Map();
  /** @type {Set<string>} Rows that went: frames of their coming may still be on their way. */
  #gone = new Set();

  /** @param {string} list @returns {string[]} */
  of(list) {
    return this.#lists.get(list) ?? [];
  }

  /** @returns {string[]} the keys of lists that have rows. */
  get lists() {
    return [...this.#lists.keys()];
  }

  /** Whether a cell stands in a row that went. @param {string} key */
  isGone(key) {
    return [...this.#gone].some((row) => key.startsWith(`${row}/`));
  }

  /**
   * Take the server's word for all of them, with the page's unanswered changes on top.
   *
   * @param {Record<string, string[]>} told
   * @param {{type: string, key: string, after?: string | null}[]} changes moves and removals, oldest first.
   * @returns {string[]} the lists that are others now.
   */
  replace(told, changes) {
    const before = this.#lists;
    this.#lists = new Map(Object.entries(told).map(([list, ids]) => [list, [...ids]]));
    for (const [list, ids] of this.#lists) for (const row of ids) this.#gone.delete(`${list}/${row}`);
    for (const { type, key, after } of changes) {
      if (type === "removeRow") this.remove(key);
      else if (this.#has(key)) this.place(key, after);
    }
    const lists = new Set([...before.keys(), ...this.#lists.keys()]);
    return [...lists].filter((list) => String(before.get(list) ?? []) !== String(this.of(list)));
  }

  /** Put a row behind another one, first (null), or last (undefined). @param {string} key @param {string | null} [after] */
  place(key, after) {
    const { list, row } = splitRow(key);
    if (this.#gone.has(key)) return;
    const others = this.of(list).filter((other) => other !== row);
    const index = after === null ? 0 : others.indexOf(/** @type {string} */ (after)) + 1 || others.length;
    this.#lists.set(list, others.toSpliced(index, 0, row));
  }

  /** Take a row away, and the lists within it. @param {string} key */
  remove(key) {
    const { list, row } = splitRow(key);
    this.#gone.add(key);
    this.#lists.set(list, this.of(list).filter((other) => other !== row));
    for (const inner of this.lists) if (inner.startsWith(`${key}/`)) this.#lists.delete(inner);
  }

  /** @param {string} key */
  #has(key) {
    const { list, row } = splitRow(key);
    return this.of(list).includes(row);
  }
}
