/** Part of the panel for an agent that only the person can tell: the outcome of its answer, to be copied into the chat. */

import { copyText } from "../client/clipboard.js";
import { button, make, say } from "./make.js";

/** The report, by a button. */
export class AgentReport {
  root = make("div", { className: "part", hidden: true });
  #texts;
  #told = make("p", { className: "quiet", role: "status" });
  #text = "";

  /** @param {import("./texts.js").Texts} texts */
  constructor(texts) {
    this.#texts = texts;
    const about = make("p", { className: "quiet", textContent: texts.say("reportAbout") });
    this.root.append(about, make("div", { className: "actions" }, button(texts.say("report"), () => this.#copy())), this.#told);
  }

  /** @param {import("./panel.js").State} state */
  update({ session, report }) {
    const text = report.join("\n");
    this.root.hidden = !session || text === "";
    if (text !== this.#text) say(this.#told, "");
    this.#text = text;
  }

  async #copy() {
    const isCopied = await copyText(this.#text);
    say(this.#told, this.#texts.say(isCopied ? "copied" : "failed", { reason: "–" }));
  }
}
