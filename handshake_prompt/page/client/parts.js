/**
 * Composition root of a session: its parts, and the ways between them. Frames and answers flow from the connection into
 * the view; writes flow from the page through the outbox into the connection.
 */

import { Access } from "./access.js";
import { CatchUp } from "./catch_up.js";
import { Connection, OVER } from "./connection.js";
import { Decisions } from "./decisions.js";
import { ENDS, Frames } from "./frames.js";
import { Outbox } from "./outbox.js";
import { AgentPrompt } from "./prompt.js";
import { HandshakeError } from "./requests.js";
import { Sight } from "./sight.js";
import { Submissions } from "./submission.js";
import { nextEvent } from "./tasks.js";
import { SessionView } from "./view.js";
import { Writes } from "./writes.js";

/** @typedef {import("./access.js").SavedSession} SavedSession */
/** @typedef {import("./prompt.js").PromptOption} PromptOption */
/** @typedef {import("./submission.js").Receipt} Receipt */

/** The parts of one session, which end together. */
export class SessionParts {
  /** Whether the session has ended. */
  isOver = false;
  #page;

  /**
   * @param {EventTarget} page is told of all that happens.
   * @param {SavedSession} saved
   * @param {{prompt: PromptOption, options?: RequestInit, userToken?: string}} settings
   */
  constructor(page, { mode, urls }, { prompt, ...proof }) {
    const emit = (/** @type {string} */ name, /** @type {object} */ detail) => this.#emit(name, detail);
    const ended = (/** @type {string} */ reason) => this.end(reason);
    this.#page = page;
    this.access = new Access(urls, proof, ended);
    this.prompt = new AgentPrompt(this.access, prompt, () => emit("prompt", { prompt: this.prompt.text }));
    this.connection = this.#connect();
    this.outbox = new Outbox(this.connection, {
      notify: (body, timeout) => this.access.request("POST", "notify", { body, timeout }),
      limits: () => this.access.limits(),
      answered: (answer) => this.writes.answered(answer),
    });
    this.view = new SessionView(this.outbox, emit);
    this.catchUp = new CatchUp(this.access, this.view);
    this.writes = new Writes(mode, { outbox: this.outbox, view: this.view, catchUp: this.catchUp, page });
    this.frames = new Frames({
      access: this.access,
      catchUp: this.catchUp,
      connection: this.connection,
      prompt: this.prompt,
      view: this.view,
      writes: this.writes,
      emit,
      ended,
    });
    this.submissions = new Submissions({
      isOver: () => this.isOver,
      sight: () => new Sight(page, this.view),
      begun: () => this.#begun(),
      settled: () => this.writes.settled(),
      gather: () => emit("settling", {}),
      letGo: () => emit("submitting", {}),
      pending: () => this.outbox.keys,
      catchUp: () => this.catchUp.run(),
      post: (digest) => this.#post(digest),
    });
    this.decisions = new Decisions(this);
  }

  #connect() {
    return new Connection({
      address: () => this.access.socket(this.frames.cursor),
      received: (frame) => this.frames.receive(frame),
      changed: (state, code) => this.#changed(state, code),
      ended: (code) => this.end(this.frames.refusal?.code, code),
      // A session that is over has been told so by then.
      doubted: () => void this.access.request("GET", "session").catch(() => {}),
    });
  }

  async #begun() {
    while (!this.view.isKnown && this.connection.state === "connecting") await nextEvent(this.#page, ["state"]);
  }

  /** @param {import("./connection.js").ConnectionState} state @param {number | null} code */
  #changed(state, code) {
    if (state !== "connecting") this.outbox.recall();
    this.#emit("state", { state, final: this.isOver, code, error: this.frames.refusal });
    if (!this.isOver) this.outbox.send();
  }

  /** End every part. @param {string} [reason] a code of SPEC.md section 9. @param {number} [closeCode] */
  end(reason, closeCode = OVER) {
    if (this.isOver) return;
    this.isOver = true;
    this.writes.stop();
    this.prompt.forget();
    const type = ENDS[reason];
    if (type) this.#emit(type, { type });
    this.connection.close(closeCode);
  }

  /** @param {string} digest @returns {Promise<Receipt>} */
  async #post(digest) {
    try {
      const receipt = await this.access.request("POST", "submit", { body: { digest } });
      this.end("session_submitted");
      return receipt;
    } catch (error) {
      if (error instanceof HandshakeError && error.problems.length > 0) await this.catchUp.afterwards();
      throw error;
    }
  }

  /** @param {string} name @param {object} detail */
  #emit(name, detail) {
    this.#page.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
