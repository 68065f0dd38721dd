/**
 * Dispatch of the server's frames: into the view, to the writes that they answer, and to the page's listeners; with the
 * place in the log to resume from. SPEC.md section 7.
 */

import { visible } from "./values.js";

/** @typedef {import("./connection.js").Frame} Frame */

/** Types of frames that are dispatched under their own names: one that comes to be later cannot pose as our own. */
const FRAMES = new Set([
  ...["connected", "action", "edit", "done", "extended", "rotated", "agent", "ack", "error"],
  ...["expiring", "expired", "revoked", "submitted", "draining", "problem", "problems"],
  ...["rowAdded", "rowRemoved", "rowMoved", "rowReleased", "schema", "asked", "answered", "withdrawn", "lapsed"],
  ...["pickedUp", "pickupRefused"],
]);
/** By the code of an end: the event that tells of it. */
export const ENDS = {
  session_expired: "expired",
  session_revoked: "revoked",
  session_closed: "revoked",
  session_submitted: "submitted",
};

/**
 * @typedef {object} Receivers
 * @property {import("./access.js").Access} access
 * @property {import("./catch_up.js").CatchUp} catchUp
 * @property {import("./connection.js").Connection} connection
 * @property {import("./prompt.js").AgentPrompt} prompt
 * @property {import("./view.js").SessionView} view
 * @property {import("./writes.js").Writes} writes
 * @property {(name: string, detail: object) => void} emit tells the page's listeners.
 * @property {(reason: string) => void} ended
 */

/** The frames of one session. */
export class Frames {
  /** The name the agent gives itself, without its invisible parts. */
  agent = "";
  /** @type {string | null} The place in the log to resume from. */
  cursor = null;
  /** @type {Frame | null} The server's word on the connection, ahead of a close. */
  refusal = null;
  #seq = 0;
  #to;

  /** @param {Receivers} receivers */
  constructor(receivers) {
    this.#to = receivers;
  }

  /** @param {Frame} frame */
  receive(frame) {
    const { access, catchUp, connection, prompt, view, emit } = this.#to;
    access.learnExpiry(frame);
    this.refusal = null; // it was no close that it spoke of
    if (frame.type === "connected") this.#welcome(frame);
    if (frame.type === "agent") this.agent = visible(frame.name);
    if (frame.type === "rotated") prompt.rotated(/** @type {any} */ (frame));
    if (frame.type === "rowReleased") catchUp.afterwards();
    view.learn(frame);
    if (frame.type === "draining") connection.drains(frame.afterMs);
    // An ack overtakes frames that come before it in the log, so it does not move the place to resume from.
    if (frame.type !== "ack" && frame.seq > this.#seq) {
      this.#seq = frame.seq;
      this.cursor = frame.cursor;
    }
    emit("frame", frame);
    this.#dispatch(frame);
  }

  /** @param {Frame} frame */
  #dispatch(frame) {
    const { writes, emit, ended } = this.#to;
    const isAnswer = frame.type === "ack" || (frame.type === "error" && (frame.ref ?? null) !== null);
    if (isAnswer) writes.answered(frame);
    else if (frame.type === "error") this.#turnedAway(frame);
    else if (ENDS[`session_${frame.type}`]) ended(`session_${frame.type}`);
    else if (FRAMES.has(frame.type)) emit(frame.type, frame);
  }

  /** @param {Frame} frame the server's word on the connection; the close follows. */
  #turnedAway(frame) {
    const { access, emit } = this.#to;
    this.refusal = access.advised(frame);
    emit("error", this.refusal);
  }

  /** @param {Frame} frame */
  #welcome({ snapshot, cursor, keepalive, agent }) {
    const { connection, view } = this.#to;
    this.agent = visible(agent);
    if (snapshot) {
      this.cursor = cursor;
      this.#seq = 0;
      view.welcome(snapshot, connection.state === "open");
    }
    connection.welcomed(keepalive);
  }
}
