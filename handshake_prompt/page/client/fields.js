/**
 * Optimistic view of a session's fields: the stored records, out of frames that may overtake one another, with the
 * person's unanswered writes on top. SPEC.md sections 5 and 6.
 */

/** @typedef {"empty" | "default" | "user" | "user_edit" | "ai"} Author */
/**
 * @typedef {object} FieldRecord
 * @property {any} value
 * @property {Author} by
 * @property {string | null} at
 * @property {number} rev
 * @property {boolean} [pending] a write of the page's is unanswered.
 * @property {string} [source] where an agent has the value from, by its own word; likewise the next two.
 * @property {number} [confidence]
 * @property {string} [reason]
 */

/** @type {Record<Author, Author>} The author after a person's edit, by the one before; the `ack` has the last word. */
const AFTER_EDIT = { empty: "user", default: "user", user: "user", ai: "user_edit", user_edit: "user_edit" };
/** @type {Record<Author, Author>} */
const AFTER_RELEASE = { empty: "empty", default: "default", user: "default", ai: "ai", user_edit: "default" };
/** @type {FieldRecord} */
export const EMPTY = Object.freeze({ value: null, by: "empty", at: null, rev: 0 });

/** The stored fields of one session. */
export class StoredFields {
  /** @type {Map<string, FieldRecord>} */
  #records = new Map();
  /** @type {Map<string, {seq: number, by: Author}>} The last acknowledged release of each field. */
  #released = new Map();

  /** @param {Record<string, FieldRecord>} context of a snapshot: nothing older counts any more. */
  replace(context) {
    this.#records = new Map(Object.entries(context));
    this.#released.clear();
  }

  keys() {
    return this.#records.keys();
  }

  /**
   * Take note of a write. An older one never replaces a newer one.
   *
   * @param {{key: string, by: Author, seq: number, [member: string]: any}} write
   */
  learn({ key, value, by, at, seq, source, confidence, reason }) {
    const known = this.#records.get(key) ?? EMPTY;
    if (seq <= known.rev) return;
    // A release that was acknowledged ahead of older frames still decides whose their value is.
    const released = this.#released.get(key);
    const record = { value, by: released && released.seq > seq ? released.by : by, at, rev: seq };
    for (const [name, member] of Object.entries({ source, confidence, reason })) {
      if (member !== undefined) record[name] = member;
    }
    this.#records.set(key, record);
  }

  /** Forget the fields that stand in a row. @param {string} rowKey @returns {string[]} their keys. */
  drop(rowKey) {
    const gone = [...this.#records.keys()].filter((key) => key.startsWith(`${rowKey}/`));
    for (const key of gone) this.#records.delete(key);
    return gone;
  }

  /** Take note of a release. @param {{key: string, by: Author, seq: number}} release */
  release({ key, by, seq }) {
    this.#released.set(key, { seq, by });
    this.#records.set(key, { ...(this.#records.get(key) ?? EMPTY), by });
  }

  /**
   * Take the newer ones of some records.
   *
   * @param {Record<string, FieldRecord>} context
   * @returns {string[]} their keys.
   */
  update(context) {
    const newer = Object.entries(context).filter(([key, { rev }]) => rev > (this.#records.get(key)?.rev ?? -1));
    for (const [key, record] of newer) this.#records.set(key, record);
    return newer.map(([key]) => key);
  }

  /**
   * Return a field as it is to be shown.
   *
   * @param {string} key
   * @param {{type: string, value?: any}[]} writes of the person's, unanswered, oldest first.
   * @returns {FieldRecord}
   */
  shown(key, writes) {
    let record = this.#records.get(key) ?? EMPTY;
    for (const { type, value } of writes) {
      record = type === "release"
        ? { ...record, by: AFTER_RELEASE[record.by], pending: true }
        : { ...record, value, by: AFTER_EDIT[record.by], pending: true };
    }
    return record;
  }
}
