/**
 * Follower of a form whose fields come and go: tells the session of the entries that are new or others, within the rate
 * that the server allows.
 */

import { divided, remainderOf } from "./remainder.js";
import { entriesOf } from "./schema.js";

/** @typedef {import("../client.js").Field} Field */

/** Changes of a schema in a minute; the server takes a few more. */
const CHANGES_A_MINUTE = 15;
const MINUTE = 60_000;
/** What a page does to its form once that was submitted (buttons out of use, a sign of waiting) is not told for so long. */
const LINGER = 30_000;

/** The schema of one form, as it was last told. */
export class SchemaFollower {
  #session;
  #form;
  /** @type {Map<string, string>} */
  #told = new Map();
  /** @type {number[]} When changes were told, in the last minute. */
  #times = [];
  #isTelling = false;
  #heldUntil = 0;
  /** @type {string | null} */
  #remainder = null;

  /** @param {import("../client.js").HandshakeSession} session @param {HTMLFormElement} form */
  constructor(session, form) {
    this.#session = session;
    this.#form = form;
    for (const entry of session.schema) this.#told.set(entry.key, canonical(entry));
  }

  /**
   * Tell what has changed.
   *
   * @param {() => void} again is called if there is more to tell later.
   * @returns {Promise<string[]>} the fields that have come.
   */
  async follow(again) {
    const { set, remove } = this.#change();
    if (set.length + remove.length === 0 || this.#isTelling) return [];
    if (Date.now() < this.#heldUntil) {
      setTimeout(again, this.#heldUntil - Date.now());
      return [];
    }
    this.#times = this.#times.filter((time) => Date.now() - time < MINUTE);
    if (this.#times.length >= CHANGES_A_MINUTE) {
      setTimeout(again, MINUTE - Date.now() + this.#times[0]);
      return [];
    }
    this.#times.push(Date.now());
    const fresh = set.map(({ key }) => key).filter((key) => !this.#told.has(key));
    // A change that the server refuses is not told again.
    for (const entry of set) this.#told.set(entry.key, canonical(entry));
    for (const key of remove) this.#told.delete(key);
    this.#isTelling = true;
    const isTaken = await this.#session.setSchema({ set, remove });
    this.#isTelling = false;
    again();
    return isTaken ? fresh : [];
  }

  /** Tell nothing for a while: the form is on its way to the host, with the digest of what it was. */
  hold() {
    this.#heldUntil = Date.now() + LINGER;
  }

  /** Go on telling: the person goes on with the form. */
  resume() {
    this.#heldUntil = 0;
  }

  /** @returns {{set: Field[], remove: string[]}} */
  #change() {
    const [schema, others] = divided(entriesOf(this.#form));
    this.#tellRemainder(remainderOf(this.#form, others));
    const keys = new Set(schema.map(({ key }) => key));
    return {
      set: schema.filter((entry) => this.#told.get(entry.key) !== canonical(entry)),
      remove: [...this.#told.keys()].filter((key) => !keys.has(key)),
    };
  }

  /** Tell both sides what of the form is no field. @param {string | null} remainder */
  #tellRemainder(remainder) {
    if (remainder === this.#remainder) return;
    this.#remainder = remainder;
    if (remainder) console.warn(`<handshake-prompt> ${remainder}`);
    this.#session.setProblem("", remainder);
  }
}

/** @param {Field} entry */
function canonical(entry) {
  return JSON.stringify(Object.entries(entry).sort());
}
