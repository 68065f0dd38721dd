/**
 * The tag's own part of the page: parts, one below the other, each with a root node and a way to bring it up to date.
 * A part shows how things stand and does what its buttons say; it keeps nothing of the session.
 */

import { make } from "./make.js";
import { PANEL_SHEET } from "./styles.js";

/** @typedef {import("../client.js").HandshakeSession} HandshakeSession */
/** @typedef {import("../form.js").FormBinding} FormBinding */
/**
 * @typedef {object} State how things stand, for all parts.
 * @property {HandshakeSession | null} session
 * @property {FormBinding | null} binding the form's controls, while there is a session.
 * @property {string} status a sentence about it.
 * @property {string[]} held keys that a submission was held back for.
 * @property {string | null} prompt the one to be shown.
 * @property {boolean | null} isCopied null before it was tried.
 * @property {boolean} isTaken whether an agent has written since the prompt was shown.
 * @property {boolean} isBusy whether a button's work is under way.
 * @property {string[]} report what an agent that cannot get here has to be told by the person.
 */
/** @typedef {{root: HTMLElement, update: (state: State) => void}} Part */
/**
 * @typedef {object} Acts what parts may have done.
 * @property {() => void} handOver opens a session if there is none, and copies its prompt.
 * @property {(work: (session: HandshakeSession) => Promise<any>) => void} open does so too, with a new session if there is
 *   none.
 * @property {() => void} rotate copies the prompt with a new token.
 * @property {(work: (session: HandshakeSession) => Promise<any>) => void} run does something with the session, and tells
 *   of its failure.
 * @property {(key: string) => void} accept shows a value that waits for the person to leave a control.
 * @property {(key: string) => void} focus leads to a field.
 * @property {(text: string | undefined, isAnew?: boolean) => void} report keeps a text for an agent that cannot get here,
 *   with those before unless `isAnew`.
 */
/** @typedef {new (texts: import("./texts.js").Texts, acts: Acts) => Part} PartClass */

/** The parts in the tag's shadow root. */
export class Panel {
  #parts;

  /** @param {ShadowRoot} root @param {string} language @param {Part[]} parts in their order. */
  constructor(root, language, parts) {
    this.#parts = parts;
    root.adoptedStyleSheets = [PANEL_SHEET];
    const box = make("div", { className: "panel", part: "panel", lang: language }, ...parts.map((part) => part.root));
    root.replaceChildren(box);
  }

  /** @param {State} state */
  update(state) {
    for (const part of this.#parts) part.update(state);
  }
}
