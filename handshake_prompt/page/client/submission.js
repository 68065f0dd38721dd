/**
 * Submission of a session's form by the person, as it is shown to them: once the server has every edit, and the page what
 * the server has. Either the page's own form goes the ordinary way, or the server is given the digest of what is shown.
 * SPEC.md section 8.
 */

import { requestSubmit } from "../form/clobbering.js";
import { backoff } from "./connection.js";
import { HandshakeError } from "./requests.js";

/** @typedef {import("./sight.js").Sight} Sight */
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
/** How often what is shown is submitted anew, where only this page's own writes came in between. */
const ROUNDS = 8;

/**
 * @typedef {object} Means
 * @property {() => boolean} isOver
 * @property {() => Sight} sight what the person sees from now on.
 * @property {() => Promise<any>} begun waits for what a page has to show that takes a session up again.
 * @property {() => void} gather has the page write what it holds back.
 * @property {() => void} letGo tells the page that its form is submitted now.
 * @property {() => Promise<any>} settled waits for the server to have every edit.
 * @property {() => string[]} pending the keys of edits that it has not.
 * @property {() => Promise<import("./catch_up.js").Place>} catchUp shows what it holds.
 * @property {(digest: string) => Promise<Receipt>} post submits.
 */

/** The submissions of one session. */
export class Submissions {
  #means;
  /** @type {Map<HTMLFormElement, Promise<Readiness>>} Those under way. */
  #underway = new Map();
  /** @type {WeakSet<HTMLFormElement>} Those held back for want of an answer of the server. */
  #unanswered = new WeakSet();
  /** @type {HTMLFormElement | null} The form that is being submitted at this moment, by us. */
  #submitting = null;
  /** @type {Promise<Receipt | Readiness> | null} */
  #own = null;
  /** @type {Set<Sight>} Those of submissions under way. */
  #sights = new Set();
  /** @type {Set<Promise<any>>} The person's decisions that the server has not answered. */
  #decisions = new Set();

  /** @param {Means} means */
  constructor(means) {
    this.#means = means;
  }

  /** @param {number} [patience] in milliseconds. @returns {Promise<Readiness>} */
  async ready(patience) {
    return this.#seeing((sight) => this.#prepare(sight, patience));
  }

  /** Have submissions wait for a decision of the person's. @param {Promise<string[]>} decision the keys it has changed. */
  async waitFor(decision) {
    this.#decisions.add(decision);
    try {
      const keys = await decision;
      for (const sight of this.#sights) sight.take(keys);
    } finally {
      this.#decisions.delete(decision);
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
    if (!this.#mayGo(form, readiness)) return readiness;
    this.#submitting = form;
    this.#means.letGo();
    try {
      requestSubmit(form, submitter?.form === form ? submitter : null);
    } finally {
      this.#submitting = null;
    }
    return { ...readiness, ok: true };
  }

  /**
   * Whether a form may go. Where the server does not answer, the person may insist: the next time the form goes as it
   * stands, and what it is posted with counts as theirs.
   *
   * @param {HTMLFormElement} form
   * @param {Readiness} readiness
   */
  #mayGo(form, { ok, changed }) {
    if (ok || this.#means.isOver()) {
      this.#unanswered.delete(form);
      return true;
    }
    if (changed.length > 0) return false;
    const isInsisted = this.#unanswered.has(form);
    this.#unanswered.add(form);
    return isInsisted;
  }

  /** Submit to the server what is shown. @returns {Promise<Receipt | Readiness>} */
  send() {
    this.#own ??= this.#seeing((sight) => this.#sendOnce(sight)).finally(() => (this.#own = null));
    return this.#own;
  }

  /** @param {Sight} sight @returns {Promise<Receipt | Readiness>} */
  async #sendOnce(sight) {
    for (let round = 1; ; round += 1) {
      const readiness = await this.#prepare(sight);
      if (readiness.error) throw readiness.error;
      if (!readiness.ok || readiness.digest === null) return { ...readiness, ok: false };
      try {
        return await this.#post(readiness.digest);
      } catch (error) {
        const isOvertaken = error instanceof HandshakeError && error.code === "changed"; // but by whom?
        if (!isOvertaken || round === ROUNDS) throw error;
      }
    }
  }

  /** @template T @param {(sight: Sight) => Promise<T>} work @returns {Promise<T>} */
  async #seeing(work) {
    const sight = this.#means.sight();
    this.#sights.add(sight);
    try {
      return await work(sight);
    } finally {
      this.#sights.delete(sight);
      sight.end();
    }
  }

  /**
   * Bring the server to what the page shows, and the page to what the server holds, until the one is the other: writes
   * of the page's own, while it catches up, only make another round.
   *
   * @param {Sight} sight
   * @param {number} [patience] in milliseconds.
   * @returns {Promise<Readiness>}
   */
  async #prepare(sight, patience = PATIENCE) {
    const { isOver, begun, settled, pending, catchUp, gather } = this.#means;
    /** @type {Readiness} */
    const nothing = { ok: false, changed: [], pending: [], cursor: null, digest: null, error: null };
    let isLate = false;
    const limit = pause(patience).then(() => (isLate = true));
    await Promise.race([begun(), limit]);
    for (;;) {
      await Promise.race([Promise.allSettled(this.#decisions).then(settled), limit]);
      if (isOver() || pending().length > 0) return { ...nothing, pending: pending() };
      const place = await catchUp().catch((/** @type {Error} */ error) => error);
      if (place instanceof Error) return { ...nothing, error: place };
      gather();
      const [changed, typed] = [sight.changed, pending()];
      if (typed.length + this.#decisions.size > 0 && !isLate) continue;
      const { cursor, digest = null } = place;
      return { ...nothing, ok: changed.length + typed.length === 0, changed, pending: typed, cursor, digest };
    }
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
