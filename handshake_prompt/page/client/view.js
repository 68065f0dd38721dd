/**
 * View of a session, as the server's frames and answers tell it: fields, rows, schema, problems and open requests, with
 * the page's unanswered writes on top.
 */

import { StoredFields } from "./fields.js";
import { StoredRows, entryOf, splitRow } from "./rows.js";
import { encode } from "./values.js";

/** @typedef {import("./fields.js").FieldRecord} FieldRecord */
/** @typedef {import("./outbox.js").Write} Write */
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

/** Frames that end a request. */
const ENDS = new Set(["answered", "withdrawn", "lapsed"]);
const PROBLEMS = new Set(["problem", "problems"]);
const ROWS = new Set(["rowAdded", "rowMoved", "rowRemoved"]);
const ROW_WRITES = new Set(["addRow", "moveRow", "removeRow"]);

/** What a page shows of one session. */
export class SessionView {
  /** @type {Map<string, FieldRecord>} */
  fields = new Map();
  /** @type {Record<string, any> | null} What the page showed of its own accord; null if it was not told yet. */
  given = null;
  /** @type {Field[]} */
  schema = [];
  /** @type {Problem[]} */
  problems = [];
  /** @type {Map<string, string | null>} The page's own latest problem with each field. */
  #reported = new Map();
  /** @type {Request[]} */
  requests = [];
  /** @type {string | null} */
  digest = null;

  #stored = new StoredFields();
  #rows = new StoredRows();
  /** Places in the log of the newest changes that are known, of each kind: an older context does not tell of them. */
  #rowsAt = 0;
  #problemsAt = 0;
  #requestsAt = 0;
  /** @type {Map<string, {seq: number, ref: number, value: any}>} The person's last acknowledged edit of each field. */
  #written = new Map();
  /** Fields whose listeners are being told. */
  #drawing = new Set();
  #outbox;
  #emit;

  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {(name: string, detail: object) => void} emit tells the page's listeners.
   */
  constructor(outbox, emit) {
    this.#outbox = outbox;
    this.#emit = emit;
  }

  /** @param {string} key @returns {Field | undefined} its entry in the schema, of a cell too. */
  entry(key) {
    return entryOf(this.schema, key);
  }

  /** @param {string} list @returns {string[]} */
  rows(list) {
    return this.#rows.of(list);
  }

  /** Whether there is anything that the page shows. */
  get isKnown() {
    return this.given !== null || this.fields.size > 0;
  }

  /** @returns {string[]} the keys of lists that have rows. */
  get lists() {
    return this.#rows.lists;
  }

  /** @param {string} key of a row. */
  hasRow(key) {
    const { list, row } = splitRow(key);
    return this.#rows.of(list).includes(row);
  }

  /** Whether a field is being drawn: what a listener makes of it meanwhile is an echo. @param {string} key */
  isDrawing(key) {
    return this.#drawing.has(key);
  }

  // ---- what the server tells

  /**
   * Take a snapshot.
   *
   * @param {any} snapshot
   * @param {boolean} isLate whether it comes in place of frames: it may be older than what was acknowledged ahead of it.
   */
  welcome(snapshot, isLate) {
    this.digest = snapshot.digest ?? null;
    if (Array.isArray(snapshot.schema)) this.schema = snapshot.schema;
    if (!isLate) this.#rowsAt = this.#problemsAt = this.#requestsAt = 0;
    this.#learnRows(snapshot, "snapshot");
    const context = this.#present(snapshot.context ?? {});
    if (isLate) this.#stored.update(context);
    else this.#stored.replace(context);
    this.#learnProblems(snapshot.problems ?? []);
    this.#learnRequests(snapshot.requests ?? []);
    for (const key of new Set([...this.fields.keys(), ...this.#stored.keys()])) this.refresh(key, "snapshot");
  }

  /** @param {any} frame of any type. */
  learn(frame) {
    const { type, key, seq = 0 } = frame;
    if (type === "done" || type === "ack") this.digest = frame.digest ?? this.digest;
    if (type === "action" || type === "edit") this.#learnValue(frame);
    if (ROWS.has(type)) this.#rowsAt = seq;
    if (PROBLEMS.has(type)) this.#problemsAt = Math.max(this.#problemsAt, seq);
    if (type === "asked" || ENDS.has(type)) this.#requestsAt = seq;
    if (type === "rowAdded" || type === "rowMoved") this.place(key, frame.after, type);
    if (type === "rowRemoved") this.remove(key, type);
    if (type === "schema") this.changeSchema(frame);
    if (type === "problem") this.setProblem(key, frame.msg, frame.previous);
    if ((type === "problems" || type === "done") && frame.problems) this.#learnProblems(frame.problems);
    if (type === "asked") this.#learnRequests([...this.requests, frame]);
    if (ENDS.has(type)) this.#learnRequests(this.requests.filter(({ id }) => id !== frame.id));
  }

  /**
   * Take an answer to a write of the page's.
   *
   * @param {Write} write
   * @param {any} ack
   */
  acknowledge(write, ack) {
    const { key, type } = write;
    if (ROW_WRITES.has(type)) this.#rowsAt = Math.max(this.#rowsAt, ack.seq ?? 0);
    if (type === "problem") this.#problemsAt = Math.max(this.#problemsAt, ack.seq ?? 0);
    if (type === "addRow" && !this.hasRow(`${key}/${ack.row}`)) this.place(`${key}/${ack.row}`, write.after, "ack");
    if (type === "schema") this.changeSchema(/** @type {any} */ (write));
    if (type === "release" && this.#isOfField(write)) this.#stored.release({ ...ack, key });
    if (type === "userEdit") {
      const value = JSON.parse(encode(write.value));
      this.#written.set(key, { seq: ack.seq, ref: ack.ref, value });
      this.#stored.learn({ ...ack, key, value });
    }
    if (this.#isOfField(write)) this.refresh(key, "ack");
  }

  /** Undo what a write that will never be stored has shown. @param {Write} write */
  takeBack(write) {
    if (this.#isOfField(write)) this.refresh(write.key, "error");
    if (write.type === "problem") this.setProblem(write.key, null);
  }

  /** Whether a write is of one field: a release may be of a row. @param {Write} write */
  #isOfField({ type, key }) {
    return type === "userEdit" || (type === "release" && !this.hasRow(key));
  }

  /**
   * Show what the server holds, as far as it is newer.
   *
   * @param {any} told the members of a context.
   * @param {string} cause
   */
  catchUp({ context = {}, ...told }, cause) {
    this.digest = told.digest ?? this.digest;
    this.#learnRows(told, cause);
    const at = placeOf(told.cursor);
    if (at >= this.#problemsAt) this.#learnProblems(told.problems ?? []);
    if (at >= this.#requestsAt) this.#learnRequests(told.requests ?? []);
    for (const key of this.#stored.update(this.#present(context))) this.refresh(key, cause);
  }

  /** @param {any} change an `action` or an `edit`. */
  #learnValue(change) {
    const { key, value, seq, type } = change;
    this.#stored.learn(change);
    const written = this.#written.get(key);
    // An older value of ours may come out of a dead socket behind the newest one, which is then written again.
    const isBehind = type === "edit" && written !== undefined && written.seq < seq && this.#outbox.of(key).length === 0;
    if (isBehind && this.#outbox.isStray(key, value, written.ref)) {
      this.#outbox.add({ type: "userEdit", key, value: written.value });
      this.#outbox.send();
    }
    this.refresh(key, type);
  }

  /** @param {any} told a context or a snapshot. @param {string} cause */
  #learnRows({ rows, cursor }, cause) {
    if (!rows || placeOf(cursor) < this.#rowsAt) return;
    for (const list of this.#rows.replace(rows, this.#outbox.rowChanges)) this.#tellRows(list, cause);
  }

  /** Leave out the cells of rows that went. @param {Record<string, any>} context */
  #present(context) {
    return Object.fromEntries(Object.entries(context).filter(([key]) => !this.#rows.isGone(key)));
  }

  /** @param {Problem[]} problems all of them. */
  #learnProblems(problems) {
    if (JSON.stringify(problems) === JSON.stringify(this.problems)) return;
    this.problems = problems;
    this.#emit("trouble", { problems });
  }

  /** @param {any[]} told the requests that there are. */
  #learnRequests(told) {
    const open = new Map(told.filter(({ status = "open" }) => status === "open").map((each) => [each.id, each]));
    const requests = [...open.values()].map(({ type, seq, at, cursor, ...request }) => request);
    if (JSON.stringify(requests) === JSON.stringify(this.requests)) return;
    this.requests = requests;
    this.#emit("requests", { requests });
  }

  // ---- what is shown

  /** Bring a field up to date. @param {string} key @param {string} cause */
  refresh(key, cause) {
    const record = this.#stored.shown(key, this.#outbox.of(key));
    if (JSON.stringify(record) === JSON.stringify(this.fields.get(key))) return;
    this.fields.set(key, record);
    this.draw(key, record, cause);
  }

  /** @param {string} key @param {FieldRecord} record @param {string} cause */
  draw(key, record, cause) {
    this.#drawing.add(key);
    this.#emit("field", { key, record, cause });
    this.#drawing.delete(key);
  }

  /** Put a row behind another one, first (null), or last (undefined). */
  place(/** @type {string} */ key, /** @type {string | null | undefined} */ after, /** @type {string} */ cause) {
    const { list } = splitRow(key);
    const before = String(this.#rows.of(list));
    this.#rows.place(key, after);
    if (String(this.#rows.of(list)) !== before) this.#tellRows(list, cause);
  }

  /** Take a row away, with its cells. @param {string} key @param {string} cause */
  remove(key, cause) {
    const isKnown = this.hasRow(key);
    this.#rows.remove(key);
    for (const cell of this.#stored.drop(key)) this.fields.delete(cell);
    if (isKnown) this.#tellRows(splitRow(key).list, cause);
  }

  /** @param {string} list @param {string} cause */
  #tellRows(list, cause) {
    this.#emit("rows", { list, rows: this.#rows.of(list), cause });
  }

  /**
   * Replace the page's own problem with a field; one of the form's validator stays.
   *
   * @param {string} key "" for the form.
   * @param {string | null} msg
   * @param {string | null} [previous] the message that it replaces.
   */
  setProblem(key, msg, previous = null) {
    const keys = key ? [key] : [];
    const own = [previous, msg, this.#reported.get(key)];
    const isReplaced = (problem) => String(problem.keys) === String(keys) && own.includes(problem.msg);
    const others = this.problems.filter((problem) => !isReplaced(problem));
    this.#reported.set(key, msg);
    this.#learnProblems(msg === null ? others : [{ keys, msg }, ...others]);
  }

  /** @param {{set?: Field[], remove?: string[]}} change */
  changeSchema({ set = [], remove = [] }) {
    const kept = this.schema.filter(({ key }) => !remove.includes(key));
    const changed = kept.map((entry) => set.find(({ key }) => key === entry.key) ?? entry);
    this.schema = [...changed, ...set.filter(({ key }) => !kept.some((entry) => entry.key === key))];
  }
}

/** @param {string | undefined} cursor of a context. @returns {number} its place in the log. */
function placeOf(cursor) {
  return cursor ? Number(cursor.split(".").at(-1)) : Infinity;
}
