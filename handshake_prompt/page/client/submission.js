/**
 * Submission of a session's form by the person, as it is shown to them: once the server has every edit, and the page what
 * the server has. Either the page's own form goes the ordinary way, or the server is given the digest of what is shown.
 * SPEC.md section 8.
 */

import { requestSubmit } from "../form/clobbering.js";
import { backoff } from "./connection.js";
import { HandshakeError } from "./requests.js";

/**
 * @typedef {object} Readiness
 * @property {boolean} ok whether the form may be submitted, or was.
 * @property {string[]} changed fields that are shown otherwise than when it was asked for: to be looked at first.
 * @property {string[]} pending fields whose edits the server has not stored.
 * @property {string | null} cursor the place in the log that the page shows, for the host to hold its reading against.
 * @property {string | null} digest stands for what the page shows, when it is submitted to the server.
 * @property {Error | null} error why the server could not be asked.
 */
/** @typedef {{ok: true, id: string, at: string, digest: string, authors: Record<string, string>, result?: any}} Receipt */

/** How long a submission waits for edits to be stored, in milliseconds. */
const PATIENCE = 5_000;
/** A submission has one effect, however often it is sent: an answer that is lost is asked for again. */
const TRIES = 8;

/**
 * @typedef {object} Means
 * @property {() => boolean} isOver
 * @property {() => Promise<any>} settled waits for the server to have every edit.
 * @property {() => string[]} pending the keys of edits that it has not.
 * @property {() => Promise<{changed: string[], cursor: string, digest?: string}>} catchUp shows what it holds.
 * @property {(digest: string) => Promise<Receipt>} post submits.
 */

/** The submissions of one session. */
export class Submissions {
  #means;
  /** @type {Map<HTMLFormElement, Promise<Readiness>>} Those under way. */
  #underway = new Map();
  /** @type {HTMLFormElement | null} The form that is being submitted at this moment, by us. */
  #submitting = null;
  /** @type {Promise<Receipt | Readiness> | null} */
  #own = null;

  /** @param {Means} means */
  constructor(means) {
    this.#means = means;
  }

  /** @param {number} [patience] in milliseconds. @returns {Promise<Readiness>} */
  async ready(patience = PATIENCE) {
    const { isOver, settled, pending, catchUp } = this.#means;
    await Promise.race([settled(), pause(patience)]);
    /** @type {Readiness} */
    const readiness = { ok: false, changed: [], pending: pending(), cursor: null, digest: null, error: null };
    if (isOver() || readiness.pending.length > 0) return readiness;
    try {
      const { changed, cursor, digest = null } = await catchUp();
      const typed = pending(); // meanwhile
      return { ...readiness, ok: changed.length + typed.length === 0, changed, pending: typed, cursor, digest };
    } catch (error) {
      return { ...readiness, error: /** @type {Error} */ (error) };
    }
  }

  /** Hold a form's own submission back until all is ready. @param {SubmitEvent} event @returns {Promise<Readiness>} */
  async hold(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form === this.#submitting) {
      return { ok: true, changed: [], pending: [], cursor: null, digest: null, error: null };
    }
    event.preventDefault();
    const underway = this.#underway.get(form);
    if (underway) return underway;
    const submission = this.#release(form, event.submitter).finally(() => this.#underway.delete(form));
    this.#underway.set(form, submission);
    return submission;
  }

  /** @param {HTMLFormElement} form @param {any} submitter the button that was pressed, if one was. */
  async #release(form, submitter) {
    const readiness = await this.ready();
    if (!readiness.ok && !this.#means.isOver()) return readiness;
    this.#submitting = form;
    try {
      requestSubmit(form, submitter?.form === form ? submitter : null);
    } finally {
      this.#submitting = null;
    }
    return { ...readiness, ok: true };
  }

  /** Submit to the server what is shown. @returns {Promise<Receipt | Readiness>} */
  send() {
    this.#own ??= this.#sendOnce().finally(() => (this.#own = null));
    return this.#own;
  }

  async #sendOnce() {
    const readiness = await this.ready();
    if (readiness.error) throw readiness.error;
    return readiness.ok && readiness.digest !== null ? this.#post(readiness.digest) : { ...readiness, ok: false };
  }

  /** @param {string} digest @returns {Promise<Receipt>} */
  async #post(digest) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#means.post(digest);
      } catch (error) {
        const isRefused = error instanceof HandshakeError && !error.retryable;
        if (isRefused || tries === TRIES) throw error;
        const least = error instanceof HandshakeError ? (error.retryAfter ?? 0) * 1000 : 0;
        await pause(Math.max(least, backoff(tries)));
      }
    }
  }
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
