/**
 * Outbox of the person's unanswered writes, oldest first for each field, and their delivery: through the socket, or by
 * POST while there is none. Two ways keep no order between them, so a field uses one at a time.
 */

import { backoff } from "./connection.js";
import { HandshakeError } from "./requests.js";
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

/**
 * @typedef {object} Operation
 * @property {number} ref counts up, and comes back in the answer.
 * @property {boolean} release
 * @property {any} [value]
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
  /** @type {Map<string, Operation[]>} */
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

  /** How many fields have unanswered writes. */
  get size() {
    return this.#pending.size;
  }

  /** Whether any write is on its way, or will be without the person's doing. */
  get isMoving() {
    return [...this.#pending.values()].some((operations) => operations.some(({ stuck }) => !stuck));
  }

  /** @returns {string[]} the fields that have unanswered writes. */
  get keys() {
    return [...this.#pending.keys()];
  }

  /** @param {string} key @returns {Operation[]} */
  of(key) {
    return this.#pending.get(key) ?? [];
  }

  /** @param {string} key @param {{release: boolean, value?: any}} write */
  add(key, write) {
    // A write on its way stays; an unsent one is replaced, only a release must not lose the edit before it.
    const kept = this.of(key).filter((other) => other.way || (write.release && !other.release));
    this.#pending.set(key, [...kept, { ref: ++this.#refs, way: null, stuck: false, ...write }]);
  }

  /** Remove the write that was answered, and return it with its field. @param {unknown} ref */
  take(ref) {
    for (const [key, operations] of this.#pending) {
      const index = operations.findIndex((operation) => operation.ref === ref);
      if (index < 0) continue;
      const [operation] = operations.splice(index, 1);
      if (operations.length === 0) this.#pending.delete(key);
      this.#retries = 0;
      clearTimeout(this.#patience);
      this.#patience = 0;
      this.#mind();
      return { key, operation };
    }
    return null;
  }

  /** Send all unsent writes: through the socket, or by POST while there is none and none is being opened. */
  send() {
    if (this.#connection.state !== "connecting") this.#sendNow();
    this.#mind();
  }

  /** Have writes sent again: those into a socket that is gone, and those that the server did not believe. */
  recall() {
    for (const key of this.#pending.keys()) this.#recall(key);
  }

  /** Send a write again later. @param {unknown} ref @param {number | null} [seconds] the least to wait. */
  retry(ref, seconds) {
    for (const [key, operations] of this.#pending) if (operations.some((other) => other.ref === ref)) this.#recall(key);
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
    for (const [key, operations] of this.#pending) {
      if (this.#posting.has(key)) continue;
      for (const operation of operations.filter(({ way, stuck }) => !way && !stuck)) {
        const frame = encode(frameOf(key, operation));
        if (this.#connection.state !== "open" || frame.length > FRAME_CHARS) {
          this.#post(key, operation);
          break;
        }
        operation.way = "socket";
        this.#connection.send(frame);
      }
    }
  }

  /** @param {string} key @param {Operation} operation */
  async #post(key, operation) {
    const { ref, release, value } = operation;
    this.#posting.add(key);
    operation.way = "post";
    try {
      await this.#checkSize(value);
      const body = JSON.parse(encode(release ? { key, release } : { key, value }));
      const reply = await this.#listener.notify(body, POST_TIMEOUT);
      this.#posting.delete(key);
      this.#listener.answered({ at: new Date().toISOString(), ...reply, type: "ack", key, ref });
    } catch (error) {
      this.#posting.delete(key);
      this.#failed(key, operation, error);
    }
    if (this.#retryTimer === 0) this.send();
  }

  /** @param {string} key @param {Operation} operation @param {any} error of the server's, or of the network's. */
  #failed(key, operation, error) {
    const { ref } = operation;
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

  /** Have a field's writes sent again, of its edits only the newest. @param {string} key */
  #recall(key) {
    if (this.#posting.has(key)) return;
    const operations = this.of(key);
    for (const each of operations) if (each.way === "socket" && !each.release) this.#lose(key, each);
    const newest = operations.findLastIndex(({ release }) => !release);
    const kept = operations.slice(newest);
    this.#pending.set(key, kept.map((operation) => ({ ...operation, way: null, stuck: false })));
  }

  /** @param {string} key @param {Operation} operation */
  #lose(key, { ref, value }) {
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

/** @param {string} key @param {Operation} operation */
function frameOf(key, { ref, release, value }) {
  return release ? { type: "release", key, ref } : { type: "userEdit", key, value, ref };
}
