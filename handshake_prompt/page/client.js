/**
 * The person's side of a handshake session, for pages.
 *
 *     const session = await HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) });
 *     session.bind(form);
 *     session.connect();
 *     await session.copyPrompt();
 *
 * A page that draws its controls itself does without `bind`: it draws at each `field`, and calls `edit` at each input.
 *
 * All events are CustomEvents. Made here, and never by a frame:
 * - `field {key, record, cause}`: an entry of `session.fields` has changed, by a snapshot, a live write, or the person
 *   (`cause`: `snapshot action edit local ack error`). Draw from this one: an older value never replaces a newer one,
 *   an unanswered edit wins over an arriving value, and `session.edit` with the value just drawn is no edit.
 * - `rows {list, rows, cause}`: the rows of a list are others, or in another order (`cause` as above).
 * - `trouble {problems}`: `session.problems` are others. `requests {requests}`: `session.requests` are.
 * - `prompt {prompt}`: `session.prompt` and `session.token` are others, or gone.
 * - `state {state, final, code, error}`: `connecting`, `open`, `waiting` (for the next attempt) or `closed`; `code` is
 *   the close code, `error` the server's reason if it gave one. The session is over only if `final`. Until then edits,
 *   `release`, `rotate` and `revoke` work without a socket. `closed` with 4401 or 4403: the server does not take this
 *   page for the person's; the session may go on.
 * - `settling`: before a submission, what the page holds back is to be written. `submitting`: its form is let go.
 * - `frame`: each of the server's frames, unknown types included.
 *
 * Frames of the types in `client/frames.js` are events under their own names too, after `fields` is up to date, in the
 * server's order. `ack` and `error` also answer edits by POST. An `error` with a `ref` is about an edit: it is taken back,
 * unless it is tried again (`retryable`, or `kept` until the server takes the page for the person's again).
 *
 * The person is proven by the session's cookie (or the user token on another origin), never by the agent's token.
 */

import { openSession } from "./client/access.js";
import { copyText } from "./client/clipboard.js";
import { SessionParts } from "./client/parts.js";
import { paste } from "./client/paste.js";
import { encode } from "./client/values.js";
import { bind } from "./form.js";

export { copyText } from "./client/clipboard.js";
export { HandshakeError } from "./client/requests.js";
export { valuesOf } from "./form.js";

/** @typedef {import("./client/access.js").SavedSession} SavedSession */
/** @typedef {import("./client/connection.js").Frame} Frame */
/** @typedef {import("./client/fields.js").FieldRecord} FieldRecord */
/** @typedef {import("./client/submission.js").Readiness} Readiness */
/** @typedef {import("./client/submission.js").Receipt} Receipt */
/** @typedef {import("./client/view.js").Field} Field */
/** @typedef {import("./client/view.js").Problem} Problem */
/** @typedef {import("./client/view.js").Request} Request */

/** One session, as the person's page sees it. Made by `create` or `resume`. */
export class HandshakeSession extends EventTarget {
  #parts;

  /**
   * Open a session on the server.
   *
   * @param {object} [settings]
   * @param {string} [settings.base] where the server is mounted.
   * @param {string} [settings.mode]
   * @param {Field[]} [settings.schema] the fields of a form.
   * @param {Record<string, any>} [settings.context] values the person has given: theirs, closed to the agent.
   * @param {Record<string, any>} [settings.defaults] values the agent may replace.
   * @param {object} [settings.meta]
   * @param {boolean | {language: string}} [settings.prompt]
   * @param {boolean} [settings.userToken] ask for a user token, in a frame or on an origin that gets no cookie.
   * @param {RequestInit} [settings.fetch] options for every request, such as the host application's own headers.
   * @returns {Promise<HandshakeSession>}
   * @throws {HandshakeError} if the server refuses.
   */
  static async create({ base = "/handshake", fetch: options, prompt = true, ...body } = {}) {
    const asked = JSON.parse(encode({ ...body, prompt: prompt || undefined }));
    const { saved, reply } = await openSession(base, asked, options);
    const session = new HandshakeSession(saved, { fetch: options, prompt, userToken: reply.userToken });
    session.#parts.prompt.learn({ ...reply, seq: 0 });
    session.schema = body.schema ?? [];
    session.#parts.view.given = { ...asked.defaults, ...asked.context };
    session.#parts.access.learnExpiry(reply);
    return session;
  }

  /**
   * Take a session up again, as after a reload. Its values arrive with the first `connected`.
   * @param {SavedSession} saved the former `session.saved`.
   * @param {{fetch?: RequestInit, prompt?: boolean | {language: string}, userToken?: string}} [settings]
   * @returns {HandshakeSession}
   */
  static resume(saved, settings) {
    return new HandshakeSession(saved, settings);
  }

  /** Use `create` or `resume`. @param {SavedSession} saved @param {any} [settings] as for `resume`. */
  constructor({ id, mode, urls }, { fetch: options, prompt = true, userToken } = {}) {
    super();
    this.id = id;
    this.mode = mode;
    this.urls = urls;
    this.#parts = new SessionParts(this, { id, mode, urls }, { options, userToken, prompt });
  }

  /**
   * The argument for `resume`, safe to keep: no credential is in it. Nor is a cursor, because a page that starts anew
   * knows no values and has to begin with a snapshot. @returns {SavedSession}
   */
  get saved() {
    return { id: this.id, mode: this.mode, urls: this.urls };
  }

  /** @returns {string | null} The text for the agent; null after `resume`, or if it was replaced elsewhere. */
  get prompt() {
    return this.#parts.prompt.text;
  }

  /** @returns {string | null} The agent's token, for a page that words its own prompt; null as `prompt` is. */
  get token() {
    return this.#parts.prompt.token;
  }

  /** Whether the session has ended. */
  get over() {
    return this.#parts.isOver;
  }

  /** The name the agent gives itself, without its invisible parts: a claim, no proof. Empty if unknown. */
  get agent() {
    return this.#parts.frames.agent;
  }

  /** @returns {Map<string, FieldRecord>} The fields to show, by key; `pending` marks unanswered edits and releases. */
  get fields() {
    return this.#parts.view.fields;
  }

  /** @returns {Field[]} The fields of the form, if it is one; known from the start only after `create`. */
  get schema() {
    return this.#parts.view.schema;
  }

  set schema(schema) {
    this.#parts.view.schema = schema;
  }

  /** @returns {Problem[]} What is wrong with the values, by the page's own word and the form's validator's. */
  get problems() {
    return this.#parts.view.problems;
  }

  /** @returns {string | null} What stands for the state that the server last told of; a submission brings it back. */
  get digest() {
    return this.#parts.view.digest;
  }

  /** @returns {Request[]} What agents ask or suggest, while it is open. */
  get requests() {
    return this.#parts.view.requests;
  }

  /** @returns {"connecting" | "open" | "waiting" | "closed"} */
  get state() {
    return this.#parts.connection.state;
  }

  /** @returns {string | null} the user token, if one was asked for; `resume` takes it on a page without the cookie. */
  get userToken() {
    return this.#parts.access.userToken ?? null;
  }

  /** @returns {number | null} seconds the session still has, as far as this page was told. */
  get expiresIn() {
    return this.#parts.access.expiresIn;
  }

  /** Open the socket and keep it open until `close`, or until the session is over. */
  connect() {
    if (!this.over) this.#parts.connection.open();
  }

  /** Leave the session without ending it. Edits made afterwards still reach the server, by POST. */
  close() {
    this.#parts.connection.close();
  }

  /**
   * Show each field in the control of its name, and report the person's edits there. Controls without an entry in the
   * schema are left alone.
   *
   * @param {HTMLFormElement} form
   * @param {{follow?: boolean}} [settings] `follow`: the schema is the form's own (`schemaOf`), and changes with it.
   * @returns {() => void} undoes it.
   */
  bind(form, settings) {
    return bind(this, form, this.#parts.view.given ?? {}, settings);
  }

  /**
   * Tell what a field shows ahead of its first `field` event, as after a reload: the same value is nothing new then.
   * @param {string} key @param {any} value
   */
  shows(key, value) {
    this.#parts.view.given = { [key]: value, ...this.#parts.view.given };
  }

  /**
   * Report the person's edit of a field, which is theirs from now on.
   *
   * @param {string} key
   * @param {any} value
   * @returns {boolean} false if there is nothing to report: the session is over, or `key` names no field. The outcome
   *   itself comes as `ack` or `error`.
   * @throws {TypeError | SyntaxError} if the value cannot be told in JSON.
   */
  edit(key, value) {
    return this.#parts.writes.edit(key, value);
  }

  /**
   * Let the agent write a field of the person's again, or have a row of theirs. Its value stays.
   *
   * @param {string} key
   * @returns {boolean} false if the session is over, or `key` names no field.
   */
  release(key) {
    return this.#parts.writes.release(key);
  }

  /** The ids of a list's rows, in order: a cell of one is the field `${list}/${id}/${name}`. @param {string} list */
  rows(list) {
    return this.#parts.view.rows(list);
  }

  /**
   * Add a row to a list. It is the person's, with all its cells.
   *
   * @param {string} list
   * @param {Record<string, any>} [value] its cells by name.
   * @param {string | null} [after] the row to come behind; null for the first place.
   * @returns {Promise<string | null>} the row's id; null if it was refused, or the session is over.
   */
  addRow(list, value, after) {
    return this.#parts.writes.addRow(list, value, after);
  }

  /** Remove a row and all its cells. @param {string} key such as `lines/r3` @returns {boolean} as of `edit`. */
  removeRow(key) {
    return this.#parts.writes.removeRow(key);
  }

  /**
   * Move a row within its list.
   *
   * @param {string} key
   * @param {string | null} [after] the row to come behind; null for the first place, nothing for the last.
   * @returns {boolean} as of `edit`.
   */
  moveRow(key, after) {
    return this.#parts.writes.moveRow(key, after);
  }

  /**
   * Tell what the page itself finds wrong with a field, or with the whole form.
   *
   * @param {string} key of the field; "" for the form.
   * @param {string | null} msg null if nothing is wrong any more.
   * @returns {boolean} false if the session is over, or `key` names no field.
   */
  setProblem(key, msg) {
    return this.#parts.writes.setProblem(key, msg);
  }

  /**
   * Change the form's schema: fields that come or are others now, and those that go. Not for a form by name.
   *
   * @param {{set?: Field[], remove?: string[]}} change
   * @returns {Promise<boolean>} whether the server has taken it; if not, nothing has changed.
   */
  async setSchema({ set = [], remove = [] }) {
    return this.#parts.writes.setSchema(set, remove);
  }

  /**
   * Wait until the server has answered every edit. It never resolves within the event that is being handled, so that a
   * form can be submitted afterwards.
   *
   * @returns {Promise<boolean>} false if it has not stored them all: the session ended before, or the server does not
   *   take the page for the person's any more.
   */
  settled() {
    return this.#parts.writes.settled();
  }

  /**
   * Wait until the server has every edit, then show its present values: paced ones may not have had their turn. The
   * person has not seen a value before it appears, so `changed` speaks against a submission.
   *
   * @param {number} [patience] in milliseconds.
   * @returns {Promise<Readiness>}
   */
  ready(patience) {
    return this.#parts.submissions.ready(patience);
  }

  /**
   * Submit the form, once the session is `ready`. Without an event it is submitted to the server: what is shown, once,
   * which ends the session. In a listener for a form's `submit`, its ordinary submission is held back meanwhile:
   *
   *     form.addEventListener("submit", (event) => session.submit(event));
   *
   * The event comes again when the form may go. Where it may not, `ok` is false, and `changed` and `pending` say why. A
   * server that does not answer, or does not store an edit, holds a form back once: submitted again, it goes as it stands.
   * A session that is over holds no form back.
   *
   * @param {SubmitEvent} [event]
   * @returns {Promise<any>} a `Receipt`, or a `Readiness`; both have `ok`.
   * @throws {HandshakeError} if the server refuses what is shown: `invalid_form` has `problems`.
   */
  async submit(event) {
    return event ? this.#parts.submissions.hold(event) : this.#parts.submissions.send();
  }

  /**
   * Decide on a request of an agent's. Nothing is decided by silence.
   *
   * @param {Request} request as it was shown.
   * @param {"accept" | "decline"} decision
   * @param {Record<string, any>} [values] of its `fields`, and of its `key`.
   * @returns {Promise<string | undefined>} the decision in words, to be pasted to the agent, for a request that is `pasted`.
   * @throws {HandshakeError} if the request has ended, or is another than was shown (`changed`).
   */
  answer(request, decision, values) {
    return this.#parts.decisions.answer(request, decision, values);
  }

  /**
   * Take back what the agent wrote: fields are again what they were before, rows that it added go, rows that it removed or
   * moved are back. What the person has done since stays.
   *
   * @param {string[]} [keys] of fields, rows or lists; without them, all of it.
   * @returns {Promise<string[]>} the keys of what was taken back.
   */
  revert(keys) {
    return this.#parts.decisions.revert(keys);
  }

  /**
   * Preview or apply the answer of an agent without network access, as the person has pasted it. It is written as the
   * agent's, by all rules for its actions; pasted again, it has no second effect.
   *
   * @param {string} text the answer, with whatever is around it.
   * @param {{preview?: boolean}} [settings] `preview`: tell what would become of it, and write nothing.
   * @returns {Promise<import("./client/paste.js").Pasted>}
   * @throws {HandshakeError} if there is no answer to this prompt in it: `unreadable`, `other_prompt`.
   */
  async paste(text, { preview = false } = {}) {
    return paste(this.#parts, text, preview);
  }

  /** Replace the agent's token and lock the old one out. @returns {Promise<string | null>} the new prompt. */
  rotate() {
    return this.#parts.prompt.rotate();
  }

  /**
   * Open a one-time code for an agent elsewhere, in the place of any other. `pickedUp` tells of its exchange, which
   * replaces the token, `pickupRefused` of every later try by somebody else.
   * @returns {Promise<import("./client/prompt.js").Pickup>} what the person passes on.
   */
  pickup() {
    return this.#parts.prompt.pickup();
  }

  /** End the session, for the agent too. */
  async revoke() {
    await this.#parts.access.request("DELETE", "session");
    // The server tells every watcher; a page without a socket tells itself.
    this.#parts.end("session_revoked");
  }

  /** Ask for more time. @param {number} seconds @returns {Promise<number>} the seconds the session now has. */
  async extend(seconds) {
    return (await this.#parts.access.request("POST", "extend", { body: { extraSeconds: seconds } })).expiresIn;
  }

  /** Read everything the server holds. @returns {Promise<any>} the members of `GET /context`. */
  context() {
    return this.#parts.catchUp.read();
  }

  /** Read the session's own state. @returns {Promise<any>} the members of `GET /session`. */
  info() {
    return this.#parts.access.request("GET", "session");
  }

  /** Copy the prompt. @returns {Promise<boolean>} whether there was one and it could be copied. */
  async copyPrompt() {
    return this.prompt !== null && copyText(this.prompt);
  }
}
