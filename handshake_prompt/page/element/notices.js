/** Parts of the panel that list fields to look at: values that wait for the person, problems, and what is still empty. */

import { isAsked, isEmpty, labelOf, told } from "./field_facts.js";
import { link, make, redraw } from "./make.js";

/** @typedef {import("./panel.js").State} State */
/** @typedef {import("./panel.js").Acts} Acts */
/** @typedef {import("./texts.js").Texts} Texts */

/** The values that agents wrote where the person is. */
export class Offers {
  root = make("ul", { className: "attention", part: "attention", hidden: true });
  #texts;
  #accept;

  /** @param {Texts} texts @param {Acts} acts */
  constructor(texts, { accept }) {
    this.#texts = texts;
    this.#accept = accept;
  }

  /** @param {State} state */
  update(state) {
    const offers = [...(state.binding?.offers ?? [])];
    redraw(this.root, offers.map(([key, value]) => this.#item(key, labelOf(state, key), told(value))));
    this.root.hidden = offers.length === 0;
  }

  /** @param {string} key @param {string} label @param {string} value */
  #item(key, label, value) {
    const words = make("span", { textContent: this.#texts.say("offered", { label, value }) });
    return make("li", {}, words, link(this.#texts.say("show"), () => this.#accept(key), { id: `accept ${key}` }));
  }
}

/** A list of fields under a heading, each with a way to its control. */
class Notices {
  root;
  #texts;
  #focus;
  #heading;

  /** @param {HTMLElement} root @param {"problems" | "missing"} heading @param {Texts} texts @param {Acts} acts */
  constructor(root, heading, texts, { focus }) {
    this.root = root;
    this.#heading = heading;
    this.#texts = texts;
    this.#focus = focus;
  }

  /** @param {State} state @param {{key: string, text: string}[]} notices */
  show(state, notices) {
    const heading = make("p", { textContent: this.#texts.say(this.#heading) });
    redraw(this.root, [heading, make("ul", {}, ...notices.map(({ key, text }) => this.#item(state, key, text)))]);
    this.root.hidden = notices.length === 0;
  }

  /** @param {State} state @param {string} key @param {string} text */
  #item(state, key, text) {
    const label = labelOf(state, key) || this.#texts.say("form");
    const name = key ? link(label, () => this.#focus(key), { id: `focus ${key}` }) : make("span", { textContent: label });
    return make("li", {}, name, ...(text ? [make("span", { textContent: text })] : []));
  }
}

/** What is wrong by the page's, the validator's or the server's word, and what a submission was held back for. */
export class Problems extends Notices {
  /** @param {Texts} texts @param {Acts} acts */
  constructor(texts, acts) {
    super(make("div", { className: "attention", part: "attention", hidden: true, role: "status" }), "problems", texts, acts);
  }

  /** @param {State} state */
  update(state) {
    const { session, held } = state;
    const problems = (session?.problems ?? []).map(({ keys: [key = ""], msg }) => ({ key, text: msg }));
    const others = held.filter((key) => !problems.some((problem) => problem.key === key));
    this.show(state, [...others.map((key) => ({ key, text: "" })), ...problems]);
  }
}

/** @param {any[]} controls of a field, which the page may show in a way of its own. */
function isHidden(controls) {
  return controls.length > 0 && !controls.some((control) => control.checkVisibility());
}

/** The fields that are asked for and empty, without those that the page does not show now. */
export class Missing extends Notices {
  /** @param {Texts} texts @param {Acts} acts */
  constructor(texts, acts) {
    super(make("div", { className: "quiet", hidden: true }), "missing", texts, acts);
  }

  /** @param {State} state */
  update(state) {
    const { session, binding } = state;
    const isMissing = (/** @type {any} */ field) =>
      isAsked(field) && isEmpty(session?.fields.get(field.key)?.value) && !isHidden(binding?.controlsOf(field.key) ?? []);
    const missing = (binding?.fields ?? []).filter(isMissing);
    this.show(state, missing.map(({ key }) => ({ key, text: "" })));
  }
}
