/** Part of the panel that hands the form over: how the session stands, the button, and the prompt to paste. */

import { button, make, say } from "./make.js";
import { addressOf, isLocal } from "./reach.js";
import { quoted } from "./texts.js";

/** @typedef {import("./panel.js").State} State */

/** The button with its prompt. */
export class HandOver {
  root = make("div", { className: "part" });
  #texts;
  #status = make("p", { part: "status", role: "status" });
  #claim = make("p", { className: "quiet", hidden: true });
  #copied = make("p", { className: "quiet", role: "status", hidden: true });
  #area = make("textarea", { id: "prompt", readOnly: true, rows: 5, spellcheck: false, part: "prompt" });
  #reach = make("p", { className: "quiet", hidden: true });
  #prompt;
  #main;

  /** @param {import("./texts.js").Texts} texts @param {import("./panel.js").Acts} acts */
  constructor(texts, { handOver }) {
    this.#texts = texts;
    this.#area.dataset.handshake = "skip"; // it is no control of a form around the tag
    this.#area.addEventListener("focus", () => this.#area.select());
    const label = make("label", { htmlFor: "prompt", textContent: texts.say("prompt") });
    const caution = make("p", { className: "quiet", textContent: texts.say("caution") });
    this.#prompt = make("div", { hidden: true }, label, this.#area, caution, this.#reach);
    const act = () => this.#main.ariaDisabled === "true" || handOver();
    this.#main = button(texts.say("handOver"), act, { className: "main", part: "button" });
    this.root.append(this.#status, this.#claim, this.#main, this.#copied, this.#prompt);
  }

  /** @param {State} state */
  update({ session, status, prompt, isCopied, isTaken, isBusy }) {
    const isOurs = session && session.state !== "closed";
    say(this.#status, status);
    say(this.#main, this.#texts.say(!isOurs ? "handOver" : session.prompt ? "copyAgain" : "newPrompt"));
    this.#main.ariaDisabled = String(isBusy); // a disabled button would lose the focus
    this.#claim.hidden = !session?.agent;
    say(this.#claim, session?.agent ? this.#texts.say("claim", { name: quoted(session.agent) }) : "");
    this.#prompt.hidden = prompt === null || isTaken;
    if (this.#area.value !== (prompt ?? "")) this.#area.value = prompt ?? "";
    this.#tellReach(addressOf(prompt));
    this.#tellCopied(isTaken ? null : isCopied);
  }

  /** What an agent in the cloud needs to get to the server. @param {string | null} address in the prompt. */
  #tellReach(address) {
    this.#reach.hidden = address === null || !isLocal(address);
    if (address) say(this.#reach, this.#texts.say("local", { address }));
  }

  /** @param {boolean | null} isCopied */
  #tellCopied(isCopied) {
    this.#copied.hidden = isCopied === null;
    const text = isCopied === null ? "" : this.#texts.say(isCopied ? "copied" : "notCopied");
    const isNews = this.#copied.textContent !== text;
    say(this.#copied, text);
    if (isNews && isCopied === false) this.#area.focus();
  }
}
