/**
 * Writes of the page: refused here as the server would, else shown at once and queued in the outbox, until an answer
 * confirms them or takes them back. SPEC.md sections 5 and 7.
 */

import { EMPTY } from "./fields.js";
import { nextEvent, nextTask } from "./tasks.js";
import { isKey, isSame, objection } from "./values.js";

/** @typedef {import("./connection.js").Frame} Frame */
/** @typedef {import("./outbox.js").Write} Write */
/** @typedef {import("./view.js").Field} Field */

/** Modes in which a key that the schema does not have is refused. */
const FORM_MODES = new Set(["form-fill", "fill-form"]);
/** Events after which a write may have its answer. */
const ANSWERS = ["ack", "error", "state"];

/** @returns {string} a text that no other page has chosen. */
function unique() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("-");
}

/**
 * @typedef {object} Means
 * @property {import("./outbox.js").Outbox} outbox
 * @property {import("./view.js").SessionView} view
 * @property {import("./catch_up.js").CatchUp} catchUp
 * @property {EventTarget} page is told of answers.
 */

/** The page's writes to one session. */
export class Writes {
  #mode;
  #outbox;
  #view;
  #catchUp;
  #page;
  #isOver = false;
  /** @type {Map<string, string | null>} What this page has told of problems, by key. */
  #told = new Map();
  /** @type {Map<number, (answer: Frame | null) => void>} By mark: the receivers of answers to writes. */
  #awaiting = new Map();

  /** @param {string} mode of the session. @param {Means} means */
  constructor(mode, { outbox, view, catchUp, page }) {
    this.#mode = mode;
    this.#outbox = outbox;
    this.#view = view;
    this.#catchUp = catchUp;
    this.#page = page;
  }

  /** The session is over: write nothing any more, and wait for no answer. */
  stop() {
    this.#isOver = true;
    this.#outbox.stop();
    for (const settle of this.#awaiting.values()) settle(null);
    this.#awaiting.clear();
  }

  /** @param {string} key @param {any} value @returns {boolean} false if there is nothing to report. */
  edit(key, value) {
    if (!this.#isOpen(key)) return false;
    // As the server will see it, and as it is now: it may be sent, or sent again, when the page has changed it.
    const copy = JSON.parse(JSON.stringify(value ?? null));
    // The echo of a drawn value, by a framework or a listener of the page's, is nobody's edit.
    if (this.#view.isDrawing(key)) return true;
    const shown = this.#view.fields.get(key);
    if (shown && isSame(copy, shown.value)) return true;
    const entry = this.#view.entry(key);
    const isFixed = entry?.readOnly === true && entry.computed !== true;
    const problem = isFixed ? "Nobody may write this field." : objection(copy);
    if (problem) return this.#refuse(key, isFixed ? "read_only" : "invalid_value", problem);
    return this.#queue({ type: "userEdit", key, value: copy });
  }

  /** @param {string} key of a field or a row. */
  release(key) {
    if (this.#hasRow(key)) return this.#send({ type: "release", key });
    return this.#isOpen(key) && this.#queue({ type: "release", key });
  }

  /** @param {string} list @param {object} [value] @param {string | null} [after] @returns {Promise<string | null>} its id. */
  async addRow(list, value, after) {
    if (!this.#isOpen(list)) return null;
    const copy = JSON.parse(JSON.stringify(value ?? {}));
    const answer = await this.#ask({ type: "addRow", key: list, value: copy, after, idempotencyKey: unique() });
    return answer?.type === "ack" ? answer.row : null;
  }

  /** @param {string} key of a row. */
  removeRow(key) {
    if (!this.#hasRow(key)) return false;
    this.#outbox.forget(key);
    this.#outbox.add({ type: "removeRow", key, idempotencyKey: unique() });
    this.#view.remove(key, "local");
    this.#outbox.send();
    return true;
  }

  /** @param {string} key of a row. @param {string | null} [after] */
  moveRow(key, after) {
    if (!this.#hasRow(key)) return false;
    this.#outbox.add({ type: "moveRow", key, after, idempotencyKey: unique() });
    this.#view.place(key, after, "local");
    this.#outbox.send();
    return true;
  }

  /** @param {string} key "" for the form. @param {string | null} msg */
  setProblem(key, msg) {
    if (this.#isOver || (key !== "" && !this.#isOpen(key))) return false;
    const isKnown = this.#told.has(key) || !this.#view.problems.some(({ keys }) => String(keys) === key);
    if (isKnown && (this.#told.get(key) ?? null) === msg) return true;
    this.#told.set(key, msg);
    this.#view.setProblem(key, msg);
    return this.#send({ type: "problem", key, msg });
  }

  /** @param {Field[]} set @param {string[]} remove @returns {Promise<boolean>} whether the server has taken it. */
  async setSchema(set, remove) {
    if (this.#isOver) return false;
    const copy = JSON.parse(JSON.stringify(set));
    const answer = await this.#ask({ type: "schema", key: "", set: copy, remove });
    return answer?.type === "ack";
  }

  /**
   * Wait until every write has its answer, in a task of its own: what the event that is being handled has set off is
   * written by then, and waited for too.
   *
   * @returns {Promise<boolean>} whether all are stored.
   */
  async settled() {
    do {
      while (this.#isMoving) await nextEvent(this.#page, ANSWERS);
      await nextTask();
    } while (this.#isMoving);
    return this.#outbox.size === 0;
  }

  get #isMoving() {
    return this.#outbox.isMoving && !this.#isOver;
  }


  // ---- answers

  /** @param {Frame} answer an `ack` or an `error` with a mark, of a frame or a POST. */
  answered(answer) {
    if (this.#isOver) return;
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
    if (write.type === "addRow" || this.#hasRow(write.key)) this.#catchUp.afterwards();
    this.#settle(ack.ref, ack);
  }

  /** @param {Frame} error of a write that will never be stored. */
  #takeBack(error) {
    const write = this.#outbox.take(error.ref);
    if (!write) return;
    this.#view.takeBack(write);
    if (write.type === "problem") this.#told.delete(write.key);
    if (write.type === "removeRow" || write.type === "moveRow") this.#catchUp.afterwards();
    this.#settle(error.ref, error);
  }

  /** @param {number} ref @param {Frame} answer */
  #settle(ref, answer) {
    this.#awaiting.get(ref)?.(answer);
    this.#awaiting.delete(ref);
  }

  // ---- their way into the outbox

  /** @param {string} key of a row. */
  #hasRow(key) {
    return !this.#isOver && isKey(key) && this.#view.hasRow(key);
  }

  /** Whether there is a field to write to. Keys outside the schema never leave the page. @param {string} key */
  #isOpen(key) {
    if (this.#isOver || !isKey(key)) return false;
    const isForm = FORM_MODES.has(this.#mode) && this.#view.schema.length > 0;
    return !isForm || this.#view.entry(key) !== undefined;
  }

  /** Queue a write that changes no field. @param {Write} write */
  #send(write) {
    this.#outbox.add(write);
    this.#outbox.send();
    return true;
  }

  /** @param {Write} write an edit or a release. */
  #queue(write) {
    this.#outbox.add(write);
    this.#view.refresh(write.key, "local");
    this.#outbox.send();
    return true;
  }

  /** @param {Write} write @returns {Promise<Frame | null>} its answer; null without one. */
  #ask(write) {
    return new Promise((resolve) => {
      this.#awaiting.set(this.#outbox.add(write), resolve);
      this.#outbox.send();
    });
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
    this.#view.draw(key, this.#view.fields.get(key) ?? EMPTY, "error");
    return false;
  }

  /** @param {string} name @param {object} detail */
  #emit(name, detail) {
    this.#page.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
