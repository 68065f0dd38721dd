/**
 * List of what agents ask and suggest, each with the person's ways to decide. Whole and as text, decline as near as
 * accept; what the person has begun to answer stays while others come and go.
 */

import { visible } from "../client/values.js";
import { AnswerFields } from "./answer_fields.js";
import { labelOf, told } from "./field_facts.js";
import { button, make } from "./make.js";
import { quoted } from "./texts.js";

/** @typedef {import("../client.js").Request} Request */
/** @typedef {import("./panel.js").State} State */

/** The requests of one session, in the panel. */
export class RequestList {
  root = make("ul", { className: "attention requests", part: "attention", hidden: true });
  /** @type {Map<string, HTMLElement>} By id. */
  #items = new Map();
  #texts;
  #run;
  #focus;
  #report;

  /** @param {import("./texts.js").Texts} texts @param {import("./panel.js").Acts} acts */
  constructor(texts, { run, focus, report }) {
    this.#texts = texts;
    this.#run = run;
    this.#focus = focus;
    this.#report = report;
  }

  /** @param {State} state */
  update(state) {
    const requests = state.session?.requests ?? [];
    const ids = new Set(requests.map(({ id }) => id));
    for (const [id, item] of this.#items) if (!ids.has(id)) this.#drop(id, item);
    for (const request of requests) if (!this.#items.has(request.id)) this.#add(request, labelOf(state, request.key ?? ""));
    this.root.hidden = requests.length === 0;
  }

  /** @param {string} id @param {HTMLElement} item */
  #drop(id, item) {
    item.remove();
    this.#items.delete(id);
  }

  /** @param {Request} request @param {string} label of the field that it is about. */
  #add(request, label) {
    const item = make("li", { className: "request", part: "request" });
    const name = quoted(visible(request.name)) || this.#texts.say("agent");
    const heading = request.kind === "suggest" ? "suggests" : "asks";
    item.append(make("p", { className: "quiet", textContent: this.#texts.say(heading, { name, label }) }));
    for (const text of this.#said(request)) item.append(make("p", { className: "said", textContent: text }));
    const answers = new AnswerFields(request.fields ?? [], { id: request.id, language: this.#texts.language });
    if (request.fields) item.append(answers.root);
    item.append(this.#buttons(request, answers));
    this.#items.set(request.id, item);
    this.root.append(item);
  }

  /** What the agent says, in its own words. @param {any} request @returns {string[]} */
  #said({ kind, text, value, reason, source, confidence }) {
    const said = kind === "suggest" ? [told(value)] : [String(text ?? "")];
    if (reason) said.push(reason);
    if (source) said.push(this.#texts.say("source", { source }));
    if (typeof confidence === "number") said.push(this.#texts.say("confidence", { percent: Math.round(confidence * 100) }));
    return said;
  }

  /** @param {Request} request @param {AnswerFields} answers */
  #buttons(request, answers) {
    const decide = (/** @type {"accept" | "decline"} */ decision, /** @type {any} */ values = undefined) =>
      this.#run(async (session) => this.#report(await session.answer(request, decision, values)));
    const accept = () => {
      if (answers.report()) decide("accept", answers.values);
    };
    const decline = () => decide("decline");
    const isSuggestion = request.kind === "suggest";
    const [yes, no] = isSuggestion ? ["take", "dismiss"] : request.fields?.length || request.key ? ["answer", "decline"] : ["yes", "no"];
    const acts = make("div", { className: "actions" }, button(this.#texts.say(yes), accept), button(this.#texts.say(no), decline));
    if (request.key) acts.append(button(this.#texts.say("goTo"), () => this.#focus(/** @type {string} */ (request.key))));
    return acts;
  }
}
