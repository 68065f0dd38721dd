/**
 * Outbox of the page's unanswered writes, and their delivery: through the socket, or by POST while there is none. Writes
 * whose order matters share a lane: those of one field, of the rows of one list, of the schema. Two ways keep no order
 * between them, so a lane uses one at a time.
 */

import { backoff } from "./connection.js";
import { HandshakeError } from "./requests.js";
import { splitRow } from "./rows.js";
import { bytesOf, encode } from "./values.js";

/** Three bytes of UTF-8 each at most, so the frame stays under the server's 64 KiB; anything longer goes by POST. */
const FRAME_CHARS = 20_000;
/** A write that is not answered by then has the socket probed, or goes by POST if there is no socket yet. */
const PATIENCE = 2_000;
/** A write that is not answered by then goes by POST, whatever else the socket brings. */
const PATIENCE_WITH_SOCKET = 10_000;
/** Below the time after which other requests are given up: a write is repeated, over whatever there is by then. */
const POST_TIMEOUT = 8_000;
const RETRY_BASE = 500;
/** How long a frame may travel that went into a socket before it died. */
const STRAY_LIFE = 60_000;

/** The members of `POST /notify` that say the same as a frame of a type. @type {Record<string, (write: Write) => object>} */
const BODIES = {
  userEdit: ({ key, value }) => ({ key, value }),
  release: ({ key }) => ({ key, release: true }),
  addRow: ({ key, type, ...members }) => ({ add: key, ...members }),
  removeRow: ({ key, type, ...members }) => ({ remove: key, ...members }),
  moveRow: ({ key, type, ...members }) => ({ move: key, ...members }),
  problem: ({ key, msg }) => ({ problem: { key, msg } }),
  schema: ({ set, remove }) => ({ schema: { set, remove } }),
};
/** Writes of which the newest says all; of others each has an effect of its own. */
const STATES = new Set(["userEdit", "problem"]);
const ROW_CHANGES = new Set(["moveRow", "removeRow"]);

/** @typedef {{type: string, key: string, [member: string]: any}} Write a frame without its mark. */
/**
 * @typedef {object} Operation
 * @property {number} ref counts up, and comes back in the answer.
 * @property {Write} write
 * @property {"socket" | "post" | null} way null while it has not been sent.
 * @property {boolean} stuck the server did not take the page for the person's: not sent again until it does.
 */
/** @typedef {{ref: number, sentAt: number}} Stray */
/**
 * @typedef {object} Listener
 * @property {(body: object, timeout: number) => Promise<any>} notify POSTs a write.
 * @property {() => Promise<{valueBytes: number}>} limits reads the server's bounds.
 * @property {(answer: {type: string, ref: number, [member: string]: any}) => void} answered a POST was answered, told
 *   as the socket tells of it.
 */

/** The unanswered writes of one session. */
export class Outbox {
  /** @type {Map<string, Operation[]>} By lane. */
  #pending = new Map();
  /** @type {Map<string, Map<string, Stray>>} By key and JSON: writes into a socket that was lost. */
  #strays = new Map();
  #posting = new Set();
  #connection;
  #listener;
  #refs = 0;
  #retries = 0;
  #retryTimer = 0;
  #patience = 0;

  /** @param {import("./connection.js").Connection} connection @param {Listener} listener */
  constructor(connection, listener) {
    this.#connection = connection;
    this.#listener = listener;
  }

  /** How many lanes have unanswered writes. */
  get size() {
    return this.#pending.size;
  }

  /** Whether any write is on its way, or will be without the person's doing. */
  get isMoving() {
    return [...this.#pending.values()].some((operations) => operations.some(({ stuck }) => !stuck));
  }

  /** @returns {string[]} the keys of what has unanswered writes; what the page finds wrong is none. */
  get keys() {
    const writes = [...this.#pending.values()].flat().map(({ write }) => write);
    return [...new Set(writes.filter(({ type }) => type !== "problem").map(({ key }) => key))];
  }

  /** @returns {any[]} the unanswered moves and removals of rows, oldest first. */
  get rowChanges() {
    const changes = [...this.#pending.values()].flat().filter(({ write }) => ROW_CHANGES.has(write.type));
    return changes.sort((one, other) => one.ref - other.ref).map(({ write }) => write);
  }

  /** @param {string} key @returns {Write[]} the unanswered edits and releases of a field, oldest first. */
  of(key) {
    return (this.#pending.get(key) ?? []).map(({ write }) => write);
  }

  /** @param {Write} write @returns {number} the mark of its answer. */
  add(write) {
    const lane = laneOf(write);
    const ref = ++this.#refs;
    // A write on its way stays; an unsent one that says less is replaced, only a release must not lose the edit before it.
    const isKept = (/** @type {Operation} */ { way, write: { type } }) => way || !isReplaced(type, write.type);
    const kept = (this.#pending.get(lane) ?? []).filter(isKept);
    this.#pending.set(lane, [...kept, { ref, way: null, stuck: false, write }]);
    return ref;
  }

  /** Remove the write that was answered, and return it. @param {unknown} ref @returns {Write | null} */
  take(ref) {
    for (const [lane, operations] of this.#pending) {
      const index = operations.findIndex((operation) => operation.ref === ref);
      if (index < 0) continue;
      const [{ write }] = operations.splice(index, 1);
      if (operations.length === 0) this.#pending.delete(lane);
      this.#retries = 0;
      clearTimeout(this.#patience);
      this.#patience = 0;
      this.#mind();
      return write;
    }
    return null;
  }

  /** Forget the unsent writes of a row's cells: the row is gone. @param {string} rowKey */
  forget(rowKey) {
    for (const [lane, operations] of this.#pending) {
      if (!operations[0].write.key.startsWith(`${rowKey}/`)) continue;
      const sent = operations.filter(({ way }) => way);
      if (sent.length > 0) this.#pending.set(lane, sent);
      else this.#pending.delete(lane);
    }
  }

  /** Send all unsent writes: through the socket, or by POST while there is none and none is being opened. */
  send() {
    if (this.#connection.state !== "connecting") this.#sendNow();
    this.#mind();
  }

  /** Have writes sent again: those into a socket that is gone, and those that the server did not believe. */
  recall() {
    for (const lane of this.#pending.keys()) this.#recall(lane);
  }

  /** Send a write again later. @param {unknown} ref @param {number | null} [seconds] the least to wait. */
  retry(ref, seconds) {
    for (const [lane, operations] of this.#pending) if (operations.some((other) => other.ref === ref)) this.#recall(lane);
    const delay = Math.max(RETRY_BASE + backoff(this.#retries++), 1000 * (seconds ?? 0));
    this.#retryTimer ||= setTimeout(() => {
      this.#retryTimer = 0;
      this.send();
    }, delay);
  }

  /** Send nothing any more. */
  stop() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#patience);
  }

  /**
   * Whether a write is one that went into a socket which was lost, and was overtaken since by a newer one: it is told
   * once.
   *
   * @param {string} key
   * @param {any} value
   * @param {number} newest the mark of the newest write that was acknowledged.
   */
  isStray(key, value, newest) {
    const json = encode(value);
    const stray = this.#strays.get(key)?.get(json);
    if (!stray || stray.ref >= newest || Date.now() - stray.sentAt > STRAY_LIFE) return false;
    this.#strays.get(key)?.delete(json);
    return true;
  }

  #sendNow() {
    for (const [lane, operations] of this.#pending) {
      if (this.#posting.has(lane)) continue;
      for (const operation of operations.filter(({ way, stuck }) => !way && !stuck)) {
        const frame = encode({ ...operation.write, ref: operation.ref });
        if (this.#connection.state !== "open" || frame.length > FRAME_CHARS) {
          this.#post(lane, operation);
          break;
        }
        operation.way = "socket";
        this.#connection.send(frame);
      }
    }
  }

  /** @param {string} lane @param {Operation} operation */
  async #post(lane, operation) {
    const { ref, write } = operation;
    this.#posting.add(lane);
    operation.way = "post";
    try {
      await this.#checkSize(write.value);
      const body = JSON.parse(encode(BODIES[write.type](write)));
      const reply = await this.#listener.notify(body, POST_TIMEOUT);
      this.#posting.delete(lane);
      this.#listener.answered({ at: new Date().toISOString(), ...reply, type: "ack", key: write.key, ref });
    } catch (error) {
      this.#posting.delete(lane);
      this.#failed(operation, error);
    }
    if (this.#retryTimer === 0) this.send();
  }

  /** @param {Operation} operation @param {any} error of the server's, or of the network's. */
  #failed(operation, error) {
    const { ref, write: { key } } = operation;
    if (!(error instanceof HandshakeError)) return this.retry(ref);
    if (error.isOver) return undefined; // the session has been told
    if (error.retryable) return this.retry(ref, error.retryAfter);
    if (error.isUnproven) Object.assign(operation, { way: null, stuck: true });
    this.#listener.answered({ type: "error", msg: error.message, code: error.code, key, ref, kept: error.isUnproven });
  }

  /**
   * A body over the server's bound may be cut off unread, which looks like a failed network, worth another try.
   *
   * @throws {HandshakeError} if the value is too large.
   */
  async #checkSize(value) {
    const json = encode(value ?? null);
    if (json.length <= FRAME_CHARS) return;
    const { valueBytes } = await this.#listener.limits();
    if (bytesOf(json) <= valueBytes) return;
    const detail = `A value must not exceed ${valueBytes} bytes of JSON.`;
    throw new HandshakeError(413, { code: "value_too_large", detail });
  }

  /** Have a lane's writes sent again, of those that say all only the newest. @param {string} lane */
  #recall(lane) {
    if (this.#posting.has(lane)) return;
    const operations = this.#pending.get(lane) ?? [];
    for (const each of operations) if (each.way === "socket" && each.write.type === "userEdit") this.#lose(each);
    const newest = operations.findLastIndex(({ write }) => STATES.has(write.type));
    const kept = operations.slice(Math.max(newest, 0));
    this.#pending.set(lane, kept.map((operation) => ({ ...operation, way: null, stuck: false })));
  }

  /** @param {Operation} operation */
  #lose({ ref, write: { key, value } }) {
    const strays = this.#strays.get(key) ?? new Map();
    for (const [json, { sentAt }] of strays) if (Date.now() - sentAt > STRAY_LIFE) strays.delete(json);
    strays.set(encode(value), { ref, sentAt: Date.now() });
    this.#strays.set(key, strays);
  }

  /** Whether a write is without an answer that only the socket can bring. */
  get #isWaiting() {
    const isConnecting = this.#connection.state === "connecting";
    const waits = ({ way, stuck }) => way === "socket" || (isConnecting && !way && !stuck);
    return [...this.#pending.values()].some((operations) => operations.some(waits));
  }

  /** See to it that the oldest answer is not waited for longer than a socket deserves. */
  #mind() {
    if (this.#patience || !this.#isWaiting) return;
    this.#patience = setTimeout(() => {
      if (this.#isWaiting) this.#connection.probe();
      if (this.#connection.state === "connecting") this.#sendNow();
      this.#patience = setTimeout(() => {
        this.#patience = 0;
        if (this.#isWaiting) this.#connection.renew();
      }, PATIENCE_WITH_SOCKET - PATIENCE);
    }, PATIENCE);
  }
}

/** @param {Write} write @returns {string} a key, or beside the edits of fields a text that no key is. */
function laneOf({ type, key }) {
  if (type === "userEdit" || type === "release") return key;
  if (type === "schema") return "\n";
  return type === "problem" ? `${key}\n` : `\n${type === "addRow" ? key : splitRow(key).list}`;
}

/** Whether an unsent write of one type has nothing more to say once another one follows in its lane. */
function isReplaced(type, following) {
  return STATES.has(type) ? following === type : type === "release";
}
