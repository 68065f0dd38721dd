/**
 * Part of the panel for the answer of an agent without network access: pasted, looked at, applied. Nothing that is pasted
 * has an effect before the person applies it; what it has then is the agent's.
 */

import { button, make } from "./make.js";
import { PasteReport } from "./paste_report.js";

/** @typedef {import("./panel.js").State} State */

/** Pause in typing after which an answer is looked at, in milliseconds. */
const PAUSE = 300;
/** Words of an answer: what is pasted at no element in particular is looked at for them. */
const LIKELY = /\b(handshake|fields|suggest)\b/i;

/** The place to paste, and the report on what was pasted. */
export class PasteBox {
  root = make("div", { className: "part", hidden: true });
  #texts;
  #report;
  #acts;
  #opener;
  #area = make("textarea", { id: "answer", rows: 4, spellcheck: false, part: "prompt" });
  #field;
  /** @type {State["session"]} */
  #session = null;
  #text = "";
  #pause = 0;
  /** Counts what was sent: a reply that something newer has overtaken is not shown. */
  #turn = 0;

  /** @param {import("./texts.js").Texts} texts @param {import("./panel.js").Acts} acts */
  constructor(texts, acts) {
    this.#texts = texts;
    this.#acts = acts;
    this.#report = new PasteReport(texts, { apply: () => this.#apply(), discard: () => this.#discard() });
    this.#opener = button(texts.say("paste"), () => this.#readClipboard());
    this.#area.dataset.handshake = "skip"; // it is no control of a form around the tag
    this.#area.addEventListener("input", () => this.#typed());
    const label = make("label", { htmlFor: "answer", textContent: texts.say("pasteHere") });
    this.#field = make("div", { hidden: true }, label, this.#area);
    const about = make("p", { className: "quiet", textContent: texts.say("pasteAbout") });
    document.addEventListener("paste", this.#onPaste);
    this.root.append(about, make("div", { className: "actions" }, this.#opener), this.#field, this.#report.root);
  }

  /** @param {State} state */
  update(state) {
    const { session } = state;
    if (session !== this.#session) this.#clear();
    this.#session = session;
    this.root.hidden = !session;
    this.#report.update(state);
  }

  /**
   * Take what is pasted at a button of the panel's, or at no element at all, by a person who comes back from the agent.
   *
   * @type {(event: any) => void}
   */
  #onPaste = (event) => {
    if (!this.root.isConnected) return document.removeEventListener("paste", this.#onPaste);
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!this.#session || !this.#isForPanel(event.composedPath()[0], text)) return;
    event.preventDefault();
    this.#look(text);
  };

  /** @param {any} target of a paste. @param {string} text */
  #isForPanel(target, text) {
    const root = /** @type {ShadowRoot} */ (this.root.getRootNode());
    if (target.getRootNode() === root) return !target.matches("input, select, textarea:read-write");
    const isOnly = document.querySelectorAll(root.host.localName).length === 1;
    return target === document.body && isOnly && LIKELY.test(text);
  }

  async #readClipboard() {
    const text = await readText();
    if (text !== null) return this.#look(text);
    this.#field.hidden = false;
    this.#area.focus();
  }

  #typed() {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#look(this.#area.value), PAUSE);
  }

  /** @param {string} text */
  async #look(text) {
    clearTimeout(this.#pause);
    this.#text = text;
    if (text.trim() === "") return this.#report.show(null);
    if (text.trim() === this.#session?.prompt?.trim()) return this.#report.refuse(this.#texts.say("pasteIsPrompt"));
    await this.#send(true);
  }

  async #apply() {
    await this.#send(false);
    this.#area.value = "";
    this.#report.focus();
  }

  #discard() {
    this.#clear();
    this.#opener.focus();
  }

  #clear() {
    clearTimeout(this.#pause);
    this.#turn += 1;
    this.#area.value = this.#text = "";
    this.#field.hidden = true;
    this.#report.show(null);
  }

  /** @param {boolean} preview */
  async #send(preview) {
    const turn = (this.#turn += 1);
    try {
      const pasted = await this.#session?.paste(this.#text, { preview });
      if (pasted?.report) this.#acts.report(pasted.report, true);
      if (turn === this.#turn) this.#report.show(pasted ?? null);
    } catch (error) {
      if (turn === this.#turn) this.#report.fail(error);
    }
  }
}

/** @returns {Promise<string | null>} what is on the clipboard; null where the browser or the person keeps it back. */
async function readText() {
  try {
    return await navigator.clipboard.readText();
  } catch {
    return null;
  }
}
