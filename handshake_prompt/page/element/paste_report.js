/**
 * Report on a pasted answer: what it would change, from which value to which, what it may not, what could not be read.
 * All of it is shown as text, without what cannot be seen.
 */

import { HandshakeError } from "../client/requests.js";
import { entryOf } from "../client/rows.js";
import { visible } from "../client/values.js";
import { isEmpty, labelOf, told } from "./field_facts.js";
import { button, make, redraw, say } from "./make.js";

/** @typedef {import("../client/paste.js").Pasted} Pasted */
/** @typedef {import("../client/paste.js").PastedAction} Action */
/** @typedef {import("../client/paste.js").PastedResult} Result */
/** @typedef {import("./panel.js").State} State */

const TAKEN = new Set(["applied", "suggested"]);
/** By the code of a refusal, the words for it. */
const REASONS = {
  invalid_value: "pasteInvalid",
  not_shown: "pasteNotShown",
  person_only: "pastePersonOnly",
  read_only: "pasteReadOnly",
  stale: "pasteStale",
  unknown_field: "pasteUnknown",
  unknown_row: "pasteUnknown",
  user_locked: "pasteLocked",
  vetoed: "pasteVetoed",
};
/** By the code of an error, likewise: the whole text is refused. */
const REFUSALS = { other_prompt: "pasteOther", unreadable: "pasteUnreadable" };

/** The report, with the ways to apply what it tells of, or to drop it. */
export class PasteReport {
  root = make("div", { className: "part", hidden: true });
  #texts;
  #refusal = make("p", { className: "attention", part: "attention", role: "alert", tabIndex: -1, hidden: true });
  #summary = make("p", { role: "status", tabIndex: -1, hidden: true });
  #lists = make("div", { className: "part" });
  #apply;
  #discard;
  /** @type {Pasted | null} */
  #pasted = null;
  /** @type {Pick<State, "session" | "binding">} */
  #state = { session: null, binding: null };

  /** @param {import("./texts.js").Texts} texts @param {{apply: () => void, discard: () => void}} acts */
  constructor(texts, { apply, discard }) {
    this.#texts = texts;
    this.#apply = button(texts.say("pasteApply"), apply, { className: "main" });
    this.#discard = button(texts.say("pasteDiscard"), discard);
    const acts = make("div", { className: "actions" }, this.#apply, this.#discard);
    this.root.append(this.#refusal, this.#summary, this.#lists, acts);
  }

  /** @param {State} state whose values it compares with. */
  update(state) {
    this.#state = state;
    if (this.#pasted?.preview) this.#draw(this.#pasted);
  }

  /** @param {Pasted | null} pasted */
  show(pasted) {
    this.#pasted = pasted;
    this.root.hidden = pasted === null;
    this.#refusal.hidden = true;
    say(this.#refusal, "");
    redraw(this.#lists, []);
    if (pasted) this.#draw(pasted);
  }

  /** @param {string} why @param {Node[]} [lists] */
  refuse(why, lists = []) {
    this.#pasted = null;
    this.root.hidden = false;
    this.#summary.hidden = this.#apply.hidden = true;
    this.#refusal.hidden = false;
    say(this.#discard, this.#say("pasteClose"));
    say(this.#refusal, why);
    redraw(this.#lists, lists);
  }

  /** @param {any} error */
  fail(error) {
    const name = error instanceof HandshakeError ? REFUSALS[error.code] : undefined;
    const unread = error instanceof HandshakeError ? this.#unread(error.unread) : [];
    this.refuse(name ? this.#say(name) : this.#say("failed", { reason: error.message }), unread);
  }

  focus() {
    (this.#refusal.hidden ? this.#summary : this.#refusal).focus();
  }

  /** @param {Pasted} pasted */
  #draw(pasted) {
    const pairs = pasted.read.map((action, at) => ({ action, result: pasted.results[at], line: pasted.lines?.[at] }));
    const taken = pairs.filter(({ result }) => TAKEN.has(result.status));
    const refused = pairs.filter(({ result }) => !TAKEN.has(result.status));
    // Once it is applied they are requests, shown as such.
    const asked = pasted.questions.filter(({ status }) => pasted.preview || status === "error");
    this.#summary.hidden = false;
    const outcome = pasted.preview ? "pasteWould" : pasted.replayed ? "pasteAgain" : "pasteDid";
    say(this.#summary, this.#say(outcome, { count: taken.length, refused: refused.length }));
    this.#apply.hidden = !pasted.preview || taken.length + asked.length === 0;
    say(this.#discard, this.#say(pasted.preview ? "pasteDiscard" : "pasteClose"));
    redraw(this.#lists, [
      ...(pasted.preview ? this.#list("pasteChanges", taken.map(({ action }) => this.#change(action))) : []),
      ...this.#list("pasteRefused", refused.map((one) => this.#refused(one))),
      ...this.#list("pasteAsks", asked.map(({ text, msg = "" }) => [lines(text), lines(msg)])),
      ...this.#unread(pasted.unread),
      ...this.#cautions(pasted),
    ]);
  }

  /** @param {any} heading @param {(string | Node)[][]} items */
  #list(heading, items) {
    if (items.length === 0) return [];
    const entries = items.map((parts) => make("li", { className: "said" }, ...parts));
    return [make("div", {}, make("p", { className: "quiet", textContent: this.#say(heading) }), make("ul", {}, ...entries))];
  }

  /** @param {Action} action @returns {(string | Node)[]} */
  #change({ type, key, value, reason }) {
    const label = make("strong", { textContent: labelOf(this.#state, key) });
    if (type === "remove") return [this.#say("pasteRemoves"), label];
    if (type === "add") return [this.#say("pasteAdds"), label, this.#told(key, value)];
    if (type === "suggest") return [this.#say("pasteSuggests"), label, this.#told(key, value), lines(reason ?? "")];
    return [label, make("span", { className: "change" }, this.#held(key), make("ins", {}, this.#told(key, value)))];
  }

  /** What a field has now, if it is to be seen. @param {string} key */
  #held(key) {
    const value = this.#state.session?.fields.get(key)?.value;
    const field = this.#fieldOf(key);
    const isHidden = isEmpty(value) || field?.sensitive === true;
    return make("del", {}, isHidden ? "–" : this.#told(key, value));
  }

  /** @param {{action: Action, result: Result, line?: number}} refused */
  #refused({ action: { key }, result: { code = "", msg = "" }, line }) {
    const reason = REASONS[code] ? this.#say(REASONS[code]) : lines(msg || code);
    const about = code === "invalid_value" ? lines(msg) : "";
    const label = make("strong", { textContent: labelOf(this.#state, key) });
    return [line ? this.#say("pasteLine", { line }) : "", label, make("span", {}, reason), about];
  }

  /** @param {Pasted["unread"]} unread */
  #unread(unread) {
    return this.#list("pasteUnread", unread.map(({ line, text, msg }) => {
      return [this.#say("pasteLine", { line }), make("q", {}, isolated(lines(text))), lines(msg)];
    }));
  }

  /** @param {Pasted} pasted */
  #cautions({ blocks, line, bound }) {
    const cautions = [];
    if (blocks > 1) cautions.push(this.#say("pasteBlocks", { count: blocks, line }));
    if (!bound) cautions.push(this.#say("pasteUnbound"));
    return cautions.map((textContent) => make("p", { className: "quiet", textContent }));
  }

  /** @param {string} key @returns {any} */
  #fieldOf(key) {
    return entryOf(this.#state.session?.schema ?? [], key);
  }

  /** A value in words, by the labels of its options. @param {string} key @param {any} value */
  #told(key, value) {
    const field = this.#fieldOf(key);
    return isolated(lines(this.#words(field, value)));
  }

  /** @param {any} field @param {any} value @returns {string} */
  #words(field, value) {
    if (Array.isArray(value)) return value.map((one) => this.#words(field, one)).join(field?.type === "rows" ? "\n" : ", ");
    if (typeof value === "boolean") return this.#say(value ? "yes" : "no");
    if (field?.type === "rows" && typeof value === "object" && value !== null) return this.#cells(field, value);
    const option = field?.options?.find((/** @type {any} */ one) => (one?.value ?? one) === value);
    return String(option?.label ?? told(value));
  }

  /** @param {any} list @param {Record<string, any>} row */
  #cells(list, row) {
    return Object.entries(row).map(([name, value]) => {
      const field = list.fields?.find((/** @type {any} */ one) => one.key === name);
      return `${field?.label ?? name}: ${this.#words(field, value)}`;
    }).join(" · ");
  }

  /** @param {any} name @param {Record<string, string | number>} [values] */
  #say(name, values) {
    return this.#texts.say(name, values);
  }
}

/** Text without what cannot be seen, its lines apart. @param {string} text */
function lines(text) {
  return text.split(/\r?\n/).map(visible).join("\n");
}

/** Text whose direction is its own (Unicode, annex 9). @param {string} text */
function isolated(text) {
  return make("bdi", { textContent: text });
}
