/**
 * The person's side of a handshake session, for pages.
 *
 *     const session = await HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) });
 *     session.bind(form);
 *     session.connect();
 *     await session.copyPrompt();
 *
 * A page that draws its controls itself does without `bind`:
 *
 *     session.addEventListener("field", ({ detail }) => draw(detail.key, detail.record));
 *     session.edit(key, value); // at each input: an unanswered edit wins over an arriving value
 *
 * All events are CustomEvents. Made here, and never by a frame:
 *
 * - `field {key, record, cause}`: an entry of `session.fields` has changed, by a snapshot, a live write, or the person
 *   (`cause`: `snapshot action edit local ack error`). Draw from this one: an older value never replaces a newer one,
 *   and an unanswered edit wins over an arriving value. `session.edit` with the value just drawn is no edit, so drawing
 *   may set off the page's own listeners.
 * - `rows {list, rows, cause}`: the rows of a list are others, or in another order (`cause` as above).
 * - `trouble {problems}`: `session.problems` are others. `requests {requests}`: `session.requests` are.
 * - `state {state, final, code, error}`: `connecting`, `open`, `waiting` (for the next attempt) or `closed`; `code` is
 *   the close code, `error` the server's reason if it gave one. The session is over only if `final`. Until then edits,
 *   `release`, `rotate` and `revoke` work without a socket. `closed` with 4401 or 4403: the server does not take this
 *   page for the person's; the session may go on.
 * - `frame`: each of the server's frames, unknown types included.
 *
 * Frames of these types are events under their own names too, after `fields` is up to date, in the server's order:
 * `connected action edit done rowAdded rowRemoved rowMoved rowReleased problem problems schema asked answered withdrawn
 * lapsed extended rotated agent ack error expiring expired revoked submitted draining`. `ack` and `error` also answer
 * edits by POST. An `error` with a `ref` is about an edit: it is taken back, unless it is tried again (`retryable`, or
 * `kept` until the server takes the page for the person's again).
 *
 * The person is proven by the session's cookie (or the user token on another origin), never by the agent's token.
 */

import { copyText } from "./client/clipboard.js";
import { Connection, OVER } from "./client/connection.js";
import { EMPTY } from "./client/fields.js";
import { Outbox } from "./client/outbox.js";
import { HandshakeError, advised, request } from "./client/requests.js";
import { Submissions } from "./client/submission.js";
import { nextTask } from "./client/tasks.js";
import { encode, isKey, isSame, objection, visible } from "./client/values.js";
import { SessionView } from "./client/view.js";
import { bind } from "./form.js";

export { copyText } from "./client/clipboard.js";
export { HandshakeError } from "./client/requests.js";
export { valuesOf } from "./form.js";

/** @typedef {import("./client/fields.js").FieldRecord} FieldRecord */
/**
 * @typedef {object} Field an entry of the schema, with the members of SPEC.md section 5.
 * @property {string} key
 * @property {string | string[]} [type]
 * @property {string} [label]
 * @property {boolean} [multiple]
 * @property {boolean} [required]
 * @property {boolean} [readOnly]
 * @property {boolean} [computed] the page writes it, though nobody else may.
 * @property {string} [by]
 * @property {any[]} [options]
 * @property {Field[]} [fields] of rows.
 */
/** @typedef {{keys: string[], msg: string}} Problem */
/**
 * @typedef {object} Request what an agent proposes, and the person alone decides.
 * @property {string} id
 * @property {string} kind `ask` or `suggest`.
 * @property {string} digest covers all that is to be shown.
 * @property {string} [name] what the agent calls itself.
 * @property {string} [text]
 * @property {Field[]} [fields] those to answer in.
 * @property {string} [key] the field of the form that it is about.
 * @property {any} [value] the one suggested.
 * @property {string} [reason]
 * @property {string} [source]
 * @property {boolean} [sensitive]
 * @property {string} expiresAt
 */
/** @typedef {{id: string, mode: string, urls: Record<string, string>}} SavedSession */
/** @typedef {import("./client/connection.js").Frame} Frame */
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

/** Types of frames that are dispatched under their own names: one that comes to be later cannot pose as our own. */
const FRAMES = new Set([
  ...["connected", "action", "edit", "done", "extended", "rotated", "agent", "ack", "error"],
  ...["expiring", "expired", "revoked", "submitted", "draining", "problem", "problems"],
  ...["rowAdded", "rowRemoved", "rowMoved", "rowReleased", "schema", "asked", "answered", "withdrawn", "lapsed"],
]);
const ENDS = {
  session_expired: "expired",
  session_revoked: "revoked",
  session_closed: "revoked",
  session_submitted: "submitted",
};
/** Modes in which a key that the schema does not have is refused. */
const FORM_MODES = new Set(["form-fill", "fill-form"]);
/** @returns {string} a text that no other page has chosen. */
function unique() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("-");
}

/** One session, as the person's page sees it. Made by `create` or `resume`. */
export class HandshakeSession extends EventTarget {
  /** @type {string | null} The text for the agent; null after `resume`, since the agent's token is not kept. */
  prompt = null;
  /** @type {string | null} The agent's token, for a page that words its own prompt; null after `resume`. */
  token = null;
  /** The name the agent gives itself, without its invisible parts: a claim, no proof. Empty if unknown. */
  agent = "";
  /** Whether the session has ended. */
  over = false;
  /** @type {Map<string, string | null>} What this page has told of problems, by key. */
  #told = new Map();
  /** @type {Map<number, (answer: Frame | null) => void>} By mark: those who wait for the answer to a write. */
  #awaiting = new Map();
  #connection;
  #outbox;
  #view;
  #submissions;
  #options;
  #userToken;
  #promptOption;
  /** @type {Record<string, any>} The values given at creation. */
  #given = {};
  /** @type {string | null} */
  #cursor = null;
  #seq = 0;
  /** @type {number | null} */
  #expiresAt = null;
  /** @type {Frame | null} The server's word on the connection, ahead of a close. */
  #refusal = null;

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
   * @param {boolean} [settings.userToken] ask for a user token: for a page on another origin, or in a frame of another
   *   site, which gets no cookie.
   * @param {RequestInit} [settings.fetch] options for every request, such as the host application's own headers.
   * @returns {Promise<HandshakeSession>}
   * @throws {HandshakeError} if the server refuses.
   */
  static async create({ base = "/handshake", fetch: options, prompt = true, ...body } = {}) {
    const root = new URL(base.replace(/\/*$/, "/"), document.baseURI);
    const asked = JSON.parse(encode({ ...body, prompt: prompt || undefined }));
    const reply = await request("POST", new URL("session", root), { body: asked, options });
    /** @type {Record<string, string>} */
    const urls = {};
    for (const [member, path] of Object.entries(reply)) {
      if (member.endsWith("Url") && member !== "baseUrl") urls[member.slice(0, -3)] = new URL(path, root).href;
    }
    const saved = { id: reply.sessionId, mode: reply.mode, urls };
    const session = new HandshakeSession(saved, { fetch: options, prompt, userToken: reply.userToken });
    session.prompt = reply.prompt ?? null;
    session.token = reply.token;
    session.schema = body.schema ?? [];
    session.#given = { ...asked.defaults, ...asked.context };
    session.#learnExpiry(reply);
    return session;
  }

  /**
   * Take a session up again, for instance after a reload. Its values arrive with the first `connected`.
   *
   * @param {SavedSession} saved the former `session.saved`.
   * @param {{fetch?: RequestInit, prompt?: boolean | {language: string}, userToken?: string}} [settings]
   * @returns {HandshakeSession}
   */
  static resume(saved, settings) {
    return new HandshakeSession(saved, settings);
  }

  /**
   * Use `create` or `resume`.
   *
   * @param {SavedSession} saved
   * @param {{fetch?: RequestInit, prompt?: boolean | {language: string}, userToken?: string}} [settings]
   */
  constructor({ id, mode, urls }, { fetch: options, prompt = true, userToken } = {}) {
    super();
    this.id = id;
    this.mode = mode;
    this.urls = urls;
    this.#options = options;
    this.#promptOption = prompt;
    this.#userToken = userToken;
    this.#connection = new Connection({
      address: () => this.#address(),
      received: (frame) => this.#receive(frame),
      changed: (state, code) => this.#changed(state, code),
      ended: (code) => this.#end(code, this.#refusal?.code),
      doubted: () => void this.info().catch(() => {}), // a session that is over has been told so by then
    });
    this.#outbox = new Outbox(this.#connection, {
      notify: (body, timeout) => this.#request("POST", "notify", body, timeout),
      limits: () => this.#limits(),
      answered: (answer) => this.#answered(answer),
    });
    this.#submissions = new Submissions({
      isOver: () => this.over,
      settled: () => this.settled(),
      pending: () => this.#outbox.keys,
      catchUp: () => this.#catchUp(),
      post: (digest) => this.#post(digest),
    });
    this.#view = new SessionView(this.#outbox, (name, detail) => this.#emit(name, detail));
  }

  /**
   * The argument for `resume`, safe to keep: no credential is in it. Nor is a cursor, because a page that starts anew
   * knows no values and has to begin with a snapshot.
   *
   * @returns {SavedSession}
   */
  get saved() {
    return { id: this.id, mode: this.mode, urls: this.urls };
  }

  /** @returns {Map<string, FieldRecord>} The fields to show, by key; `pending` marks unanswered edits and releases. */
  get fields() {
    return this.#view.fields;
  }

  /** @returns {Field[]} The fields of the form, if it is one; known from the start only after `create`. */
  get schema() {
    return this.#view.schema;
  }

  set schema(schema) {
    this.#view.schema = schema;
  }

  /** @returns {Problem[]} What is wrong with the values, by the page's own word and the form's validator's. */
  get problems() {
    return this.#view.problems;
  }

  /** @returns {string | null} What stands for the state that the server last told of; a submission brings it back. */
  get digest() {
    return this.#view.digest;
  }

  /** @returns {Request[]} What agents ask or suggest, while it is open. */
  get requests() {
    return this.#view.requests;
  }

  /** @returns {"connecting" | "open" | "waiting" | "closed"} */
  get state() {
    return this.#connection.state;
  }

  /** @returns {string | null} the user token, if one was asked for; `resume` takes it on a page without the cookie. */
  get userToken() {
    return this.#userToken ?? null;
  }

  /** @returns {number | null} seconds the session still has, as far as this page was told. */
  get expiresIn() {
    return this.#expiresAt === null ? null : Math.max(0, (this.#expiresAt - Date.now()) / 1000);
  }

  /** Open the socket and keep it open until `close`, or until the server says that the session is over. */
  connect() {
    if (!this.over) this.#connection.open();
  }

  /** Leave the session without ending it. Edits made afterwards still reach the server, by POST. */
  close() {
    this.#connection.close();
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
    return bind(this, form, this.#given, settings);
  }

  /**
   * Report the person's edit of a field. The field is theirs from now on.
   *
   * @param {string} key
   * @param {any} value
   * @returns {boolean} false if there is nothing to report: the session is over, or `key` names no field. The outcome
   *   itself comes as `ack` or `error`.
   * @throws {TypeError | SyntaxError} if the value cannot be told in JSON.
   */
  edit(key, value) {
    if (!this.#isOpen(key)) return false;
    // As the server will see it, and as it is now: it may be sent, or sent again, when the page has changed it.
    const copy = JSON.parse(JSON.stringify(value ?? null));
    // The echo of a drawn value, by a framework or a listener of the page's, is nobody's edit.
    if (this.#view.isDrawing(key)) return true;
    if (this.fields.has(key) && isSame(copy, this.fields.get(key)?.value)) return true;
    const entry = this.#view.entry(key);
    const isFixed = entry?.readOnly === true && entry.computed !== true;
    const problem = isFixed ? "Nobody may write this field." : objection(copy);
    if (problem) return this.#refuse(key, isFixed ? "read_only" : "invalid_value", problem);
    return this.#queue({ type: "userEdit", key, value: copy });
  }

  /**
   * Let the agent write a field of the person's again, or have a row of theirs. Its value stays.
   *
   * @param {string} key
   * @returns {boolean} false if the session is over, or `key` names no field.
   */
  release(key) {
    if (this.#hasRow(key)) return this.#send({ type: "release", key });
    return this.#isOpen(key) && this.#queue({ type: "release", key });
  }

  /** The ids of a list's rows, in order: a cell of one is the field `${list}/${id}/${name}`. @param {string} list */
  rows(list) {
    return this.#view.rows(list);
  }

  /**
   * Add a row to a list. It is the person's, with all its cells.
   *
   * @param {string} list
   * @param {Record<string, any>} [value] its cells by name.
   * @param {string | null} [after] the row to come behind; null for the first place.
   * @returns {Promise<string | null>} the row's id; null if it was refused, or the session is over.
   */
  async addRow(list, value, after) {
    if (!this.#isOpen(list)) return null;
    const copy = JSON.parse(JSON.stringify(value ?? {}));
    const answer = await this.#ask({ type: "addRow", key: list, value: copy, after, idempotencyKey: unique() });
    return answer?.type === "ack" ? answer.row : null;
  }

  /** Remove a row and all its cells. @param {string} key such as `lines/r3` @returns {boolean} as of `edit`. */
  removeRow(key) {
    if (!this.#hasRow(key)) return false;
    this.#outbox.forget(key);
    this.#outbox.add({ type: "removeRow", key, idempotencyKey: unique() });
    this.#view.remove(key, "local");
    this.#outbox.send();
    return true;
  }

  /**
   * Move a row within its list.
   *
   * @param {string} key
   * @param {string | null} [after] the row to come behind; null for the first place, nothing for the last.
   * @returns {boolean} as of `edit`.
   */
  moveRow(key, after) {
    if (!this.#hasRow(key)) return false;
    this.#outbox.add({ type: "moveRow", key, after, idempotencyKey: unique() });
    this.#view.place(key, after, "local");
    this.#outbox.send();
    return true;
  }

  /**
   * Tell what the page itself finds wrong with a field, or with the whole form.
   *
   * @param {string} key of the field; "" for the form.
   * @param {string | null} msg null if nothing is wrong any more.
   * @returns {boolean} false if the session is over, or `key` names no field.
   */
  setProblem(key, msg) {
    if (this.over || (key !== "" && !this.#isOpen(key))) return false;
    const isKnown = this.#told.has(key) || !this.problems.some(({ keys }) => String(keys) === key);
    if (isKnown && (this.#told.get(key) ?? null) === msg) return true;
    this.#told.set(key, msg);
    this.#view.setProblem(key, msg);
    return this.#send({ type: "problem", key, msg });
  }

  /**
   * Change the form's schema: fields that come or are others now, and those that go. Not for a form by name.
   *
   * @param {{set?: Field[], remove?: string[]}} change
   * @returns {Promise<boolean>} whether the server has taken it; if not, nothing has changed.
   */
  async setSchema({ set = [], remove = [] }) {
    if (this.over) return false;
    const copy = JSON.parse(JSON.stringify(set));
    const answer = await this.#ask({ type: "schema", key: "", set: copy, remove });
    return answer?.type === "ack";
  }

  /**
   * Wait until the server has answered every edit. It never resolves within the event that is being handled, so that a
   * form can be submitted afterwards.
   *
   * @returns {Promise<boolean>} false if it has not stored them all: the session ended before, or the server does not
   *   take the page for the person's any more.
   */
  async settled() {
    while (this.#outbox.isMoving && !this.over) {
      await new Promise((resolve) => {
        const heard = new AbortController();
        const wake = () => (heard.abort(), resolve(undefined));
        for (const name of ["ack", "error", "state"]) this.addEventListener(name, wake, { signal: heard.signal });
      });
    }
    await nextTask();
    return this.#outbox.size === 0;
  }

  /**
   * Wait until the server has every edit, then show its present values: paced ones may not have had their turn. The
   * person has not seen a value before it appears, so `changed` speaks against a submission.
   *
   * @param {number} [patience] in milliseconds.
   * @returns {Promise<Readiness>}
   */
  ready(patience) {
    return this.#submissions.ready(patience);
  }

  /**
   * Submit the form, once the session is `ready`. Without an event the server's own submission is made, which takes what
   * is shown, once, and ends the session:
   *
   *     const receipt = await session.submit();
   *
   * From within a listener for a form's `submit`, the ordinary submission of the form is held back meanwhile:
   *
   *     form.addEventListener("submit", (event) => session.submit(event));
   *
   * The event comes again when the form may go. Where it may not, `ok` is false, and `changed` and `pending` say why. A
   * session that is over holds no form back.
   *
   * @param {SubmitEvent} [event]
   * @returns {Promise<any>} a `Receipt`, or a `Readiness`; both have `ok`.
   * @throws {HandshakeError} if the server refuses what is shown: `invalid_form` has `problems`.
   */
  async submit(event) {
    return event ? this.#submissions.hold(event) : this.#submissions.send();
  }

  /**
   * Decide on a request of an agent's. Nothing is decided by silence.
   *
   * @param {Request} request as it was shown.
   * @param {"accept" | "decline"} decision
   * @param {Record<string, any>} [values] of its `fields`, and of its `key`.
   * @throws {HandshakeError} if the request has ended, or is another than was shown (`changed`).
   */
  async answer({ id, digest }, decision, values) {
    await this.#request("POST", "answer", { decision, digest, values }, undefined, `/${encodeURIComponent(id)}`);
    await this.#reread();
  }

  /**
   * Take back what the agent wrote: fields are again what they were before, rows that it added go. What the person has
   * written since stays.
   *
   * @param {string[]} [keys] of fields, rows or lists; without them, all of it.
   * @returns {Promise<string[]>} the keys of what was taken back.
   */
  async revert(keys) {
    const { reverted } = await this.#request("POST", "revert", keys ? { keys } : { all: true });
    await this.#reread();
    return reverted;
  }

  /** Replace the agent's token and lock the old one out. @returns {Promise<string | null>} the new prompt. */
  async rotate() {
    const reply = await this.#request("POST", "rotate", { prompt: this.#promptOption || undefined });
    this.token = reply.token;
    this.prompt = reply.prompt ?? null;
    return this.prompt;
  }

  /** End the session, for the agent too. */
  async revoke() {
    await this.#request("DELETE", "session");
    // The server tells every watcher; a page without a socket tells itself.
    this.#end(OVER, "session_revoked");
  }

  /** Ask for more time. @param {number} seconds @returns {Promise<number>} the seconds the session now has. */
  async extend(seconds) {
    return (await this.#request("POST", "extend", { extraSeconds: seconds })).expiresIn;
  }

  /** Read everything the server holds. @returns {Promise<any>} the members of `GET /context`. */
  context() {
    return this.#request("GET", "context");
  }

  /** Read the session's own state. @returns {Promise<any>} the members of `GET /session`. */
  info() {
    return this.#request("GET", "session");
  }

  /** Copy the prompt. @returns {Promise<boolean>} whether there was one and it could be copied. */
  async copyPrompt() {
    return this.prompt !== null && copyText(this.prompt);
  }

  /** @param {string} method @param {string} name @param {object} [body] @param {number} [timeout] @param {string} [path] */
  async #request(method, name, body, timeout, path = "") {
    const settings = { body, timeout, userToken: this.#userToken, options: this.#options };
    try {
      const reply = await request(method, this.urls[name] + path, settings);
      this.#learnExpiry(reply);
      return reply;
    } catch (error) {
      if (error instanceof HandshakeError && error.isOver) this.#end(OVER, error.code);
      throw error;
    }
  }

  /** The bounds of the server, which it tells at the root of its mount. */
  async #limits() {
    const { limits } = await request("GET", new URL("../", this.urls.session), { options: this.#options });
    return { valueBytes: limits?.valueBytes ?? Infinity };
  }

  /** @param {any} told a reply or a frame. */
  #learnExpiry({ expiresIn }) {
    if (expiresIn !== undefined) this.#expiresAt = Date.now() + expiresIn * 1000;
  }

  /** @param {string} name @param {object} detail */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // ---- the connection

  #address() {
    const url = new URL(this.urls.ws.replace(/^http/, "ws"));
    if (this.#cursor) url.searchParams.set("after", this.#cursor);
    return { url, userToken: this.#userToken };
  }

  /** @param {import("./client/connection.js").ConnectionState} state @param {number | null} code */
  #changed(state, code) {
    if (state !== "connecting") this.#outbox.recall();
    this.#emit("state", { state, final: this.over, code, error: this.#refusal });
    if (!this.over) this.#outbox.send();
  }

  /** @param {number} code @param {string} [reason] */
  #end(code, reason) {
    if (this.over) return;
    this.over = true;
    this.#outbox.stop();
    for (const settle of this.#awaiting.values()) settle(null);
    this.#awaiting.clear();
    const type = ENDS[reason];
    if (type) this.#emit(type, { type });
    this.#connection.close(code);
  }

  // ---- frames

  /** @param {Frame} frame */
  #receive(frame) {
    this.#learnExpiry(frame);
    this.#refusal = null; // it was no close that it spoke of
    if (frame.type === "connected") this.#welcome(frame);
    if (frame.type === "agent") this.agent = visible(frame.name);
    if (frame.type === "rowReleased") this.#reread();
    this.#view.learn(frame);
    if (frame.type === "draining") this.#connection.drains(frame.afterMs);
    // An ack overtakes frames that come before it in the log, so it does not move the place to resume from.
    if (frame.type !== "ack" && frame.seq > this.#seq) {
      this.#seq = frame.seq;
      this.#cursor = frame.cursor;
    }
    this.#emit("frame", frame);
    const isAnswer = frame.type === "ack" || (frame.type === "error" && (frame.ref ?? null) !== null);
    if (isAnswer) this.#answered(frame);
    else if (frame.type === "error") this.#turnedAway(frame);
    else if (ENDS[`session_${frame.type}`]) this.#end(OVER, `session_${frame.type}`);
    else if (FRAMES.has(frame.type)) this.#emit(frame.type, frame);
  }

  /** @param {Frame} frame the server's word on the connection; the close follows. */
  #turnedAway(frame) {
    this.#refusal = advised(frame, this.urls.session, this.#userToken);
    this.#emit("error", this.#refusal);
  }

  /** @param {Frame} frame */
  #welcome({ snapshot, cursor, keepalive, agent }) {
    this.agent = visible(agent);
    if (snapshot) {
      this.#cursor = cursor;
      this.#seq = 0;
      this.#view.welcome(snapshot, this.state === "open");
    }
    this.#connection.welcomed(keepalive);
  }

  /** Take the answer to an edit. @param {Frame} answer an `ack` or an `error`, of a frame or a POST. */
  #answered(answer) {
    if (this.over) return;
    if (answer.type === "ack") this.#acknowledge(answer);
    else if (answer.retryable) this.#outbox.retry(answer.ref, answer.retryAfter);
    else if (!answer.kept) this.#takeBack(answer);
    this.#emit(answer.type, answer);
  }

  /** @param {any} ack */
  #acknowledge(ack) {
    const write = this.#outbox.take(ack.ref);
    if (!write) return;
    this.#view.acknowledge(write, ack);
    // Of a row, the answer tells neither all the cells nor their authors.
    if (write.type === "addRow" || this.#hasRow(write.key)) this.#reread();
    this.#settle(ack.ref, ack);
  }

  /** @param {Frame} error of a write that will never be stored. */
  #takeBack(error) {
    const write = this.#outbox.take(error.ref);
    if (!write) return;
    this.#view.takeBack(write);
    if (write.type === "problem") this.#told.delete(write.key);
    if (write.type === "removeRow" || write.type === "moveRow") this.#reread();
    this.#settle(error.ref, error);
  }

  /** Show what the server holds. @returns {Promise<{changed: string[], cursor: string, digest?: string}>} */
  async #catchUp() {
    const told = await this.context();
    return { changed: this.#view.catchUp(told, "snapshot"), cursor: told.cursor, digest: told.digest };
  }

  /** @param {string} digest @returns {Promise<Receipt>} */
  async #post(digest) {
    try {
      const receipt = await this.#request("POST", "submit", { digest });
      this.#end(OVER, "session_submitted");
      return receipt;
    } catch (error) {
      if (error instanceof HandshakeError && error.problems.length > 0) await this.#reread();
      throw error;
    }
  }

  /** Show what the server holds, where an answer does not tell it. */
  async #reread() {
    try {
      this.#view.catchUp(await this.context(), "ack");
    } catch {
      // A page that cannot ask now learns it from the snapshot of its next connection.
    }
  }

  // ---- the page's writes

  /** @param {string} key of a row. */
  #hasRow(key) {
    return !this.over && isKey(key) && this.#view.hasRow(key);
  }

  /** Queue a write that changes no field. @param {import("./client/outbox.js").Write} write */
  #send(write) {
    this.#outbox.add(write);
    this.#outbox.send();
    return true;
  }

  /** @param {import("./client/outbox.js").Write} write @returns {Promise<Frame | null>} its answer; null without one. */
  #ask(write) {
    return new Promise((resolve) => {
      this.#awaiting.set(this.#outbox.add(write), resolve);
      this.#outbox.send();
    });
  }

  /** @param {number} ref @param {Frame} answer */
  #settle(ref, answer) {
    this.#awaiting.get(ref)?.(answer);
    this.#awaiting.delete(ref);
  }

  /** Whether there is a field to write to. Keys outside the schema never leave the page. @param {string} key */
  #isOpen(key) {
    if (this.over || !isKey(key)) return false;
    const isForm = FORM_MODES.has(this.mode) && this.schema.length > 0;
    return !isForm || this.#view.entry(key) !== undefined;
  }

  /** @param {import("./client/outbox.js").Write} write an edit or a release. */
  #queue(write) {
    this.#outbox.add(write);
    this.#view.refresh(write.key, "local");
    this.#outbox.send();
    return true;
  }

  /**
   * Refuse an edit as the server would, and have the stored value drawn again.
   *
   * @param {string} key
   * @param {string} code
   * @param {string} msg
   */
  #refuse(key, code, msg) {
    this.#emit("error", { type: "error", key, code, msg });
    this.#view.draw(key, this.fields.get(key) ?? EMPTY, "error");
    return false;
  }
}
