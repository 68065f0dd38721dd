/** Part of the panel that shows at the edge of the screen, as on a phone, that a question is open out of sight. */

import { button } from "./make.js";

/** A button that leads there. */
export class Beacon {
  root;
  #isOpen = false;
  #isInView = true;
  #observer = new IntersectionObserver((entries) => {
    this.#isInView = entries[entries.length - 1].isIntersecting;
    this.#show();
  });
  /** @type {Element | null} */
  #observed = null;

  /** @param {import("./texts.js").Texts} texts */
  constructor(texts) {
    const lead = () => this.#target?.querySelector("button, input, select")?.focus();
    this.root = button(texts.say("needed"), lead, { className: "beacon", part: "beacon", hidden: true });
  }

  /** The list of requests. */
  get #target() {
    return this.root.parentElement?.querySelector(".requests") ?? null;
  }

  /** @param {import("./panel.js").State} state */
  update({ session }) {
    this.#isOpen = (session?.requests.length ?? 0) > 0;
    this.#observe(this.#isOpen ? this.#target : null);
    this.#show();
  }

  /** @param {Element | null} target */
  #observe(target) {
    if (target === this.#observed) return;
    this.#observer.disconnect();
    this.#observed = target;
    this.#isInView = true;
    if (target) this.#observer.observe(target);
  }

  #show() {
    this.root.hidden = !this.#isOpen || this.#isInView;
  }
}
