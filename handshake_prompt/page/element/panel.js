/** The tag's own part of the page: a button, and a panel that tells how the session stands. Views of it alone. */

import { make } from "./make.js";
import { PANEL_SHEET } from "./styles.js";
import { quoted } from "./texts.js";

/** @typedef {import("./texts.js").Texts} Texts */
/** @typedef {{key: string, label: string, by: string, about: string, canRelease: boolean, canRevert: boolean}} Line */
/** @typedef {{key: string, label: string, text: string}} Notice */

/** The elements in the tag's shadow root. `acts` are what its buttons do. */
export class Panel {
  #texts;
  #acts;
  #parts;

  /**
   * @param {ShadowRoot} root
   * @param {Texts} texts
   * @param {HTMLElement} requests
   * @param {Record<string, (key: string) => void>} acts
   */
  constructor(root, texts, requests, acts) {
    this.#texts = texts;
    this.#acts = acts;
    root.adoptedStyleSheets = [PANEL_SHEET];
    this.#parts = this.#build();
    const { status, claim, main, copied, prompt, offers, problems, missing, fields, time, actions } = this.#parts;
    const box = make("div", { className: "panel", part: "panel", lang: texts.language }, status, claim, main);
    box.append(copied, prompt, requests, offers, problems, missing, fields, time, actions);
    root.replaceChildren(box);
  }

  #build() {
    const say = (/** @type {any} */ name) => this.#texts.say(name);
    const area = make("textarea", { id: "prompt", readOnly: true, rows: 5, spellcheck: false, part: "prompt" });
    area.dataset.handshake = "skip"; // it is no control of a form around the tag
    area.addEventListener("focus", () => area.select());
    const label = make("label", { htmlFor: "prompt", textContent: say("prompt") });
    const caution = make("p", { className: "quiet", textContent: say("caution") });
    const list = make("ul");
    const fields = make("details", { hidden: true }, make("summary", { textContent: say("fields") }), list);
    const time = make("p", { className: "quiet", hidden: true }, make("span"), " ", this.#button("extend", "link", "link"));
    return {
      status: make("p", { part: "status", role: "status", textContent: say("idle") }),
      claim: make("p", { className: "quiet", hidden: true }),
      main: this.#button("handOver", "main", "button"),
      copied: make("p", { className: "quiet", role: "status", hidden: true }),
      prompt: make("div", { hidden: true }, label, area, caution),
      offers: make("ul", { className: "attention", part: "attention", hidden: true }),
      problems: make("div", { className: "attention", part: "attention", hidden: true, role: "status" }),
      missing: make("div", { className: "quiet", hidden: true }),
      fields,
      time,
      actions: make("div", { className: "actions", hidden: true }, ...["revertAll", "rotate", "revoke"].map((name) => this.#button(name))),
      area,
      list,
    };
  }

  /** @param {any} name of an act and of its words. @param {string} [className] @param {string} [part] */
  #button(name, className = "", part = "action") {
    const button = make("button", { type: "button", className, part, textContent: this.#texts.say(name) });
    button.addEventListener("click", () => this.#acts[name](""));
    return button;
  }

  /** @param {string} text */
  tell(text) {
    // A screen reader says again what is set again.
    if (this.#parts.status.textContent !== text) this.#parts.status.textContent = text;
  }

  /** @param {string} name the agent's, as it calls itself. */
  showAgent(name) {
    this.#parts.claim.hidden = name === "";
    this.#parts.claim.textContent = name && this.#texts.say("claim", { name: quoted(name) });
  }

  /** @param {string | null} prompt */
  showPrompt(prompt) {
    this.#parts.prompt.hidden = prompt === null;
    this.#parts.area.value = prompt ?? "";
    this.#parts.copied.hidden = true;
  }

  /** @param {boolean} isCopied */
  showCopied(isCopied) {
    this.#parts.copied.hidden = false;
    this.#parts.copied.textContent = this.#texts.say(isCopied ? "copied" : "notCopied");
    if (!isCopied) this.#parts.area.focus();
  }

  /** @param {"handOver" | "copyAgain" | "newPrompt"} name @param {boolean} isOpen whether there is a session. */
  showSession(name, isOpen) {
    this.#parts.main.textContent = this.#texts.say(name);
    for (const part of [this.#parts.actions, this.#parts.fields, this.#parts.time]) part.hidden = !isOpen;
    if (!isOpen) for (const part of ["offers", "problems", "missing", "claim"]) this.#parts[part].hidden = true;
  }

  /** @param {boolean} isBusy */
  setBusy(isBusy) {
    this.#parts.main.disabled = isBusy;
  }

  /** @param {number | null} seconds */
  showTime(seconds) {
    const text = seconds === null ? "" : this.#texts.say("expires", { time: this.#texts.duration(seconds) });
    const [span] = this.#parts.time.children;
    if (span.textContent !== text) span.textContent = text;
  }

  /** @param {Line[]} lines */
  showFields(lines) {
    const { say } = this.#words;
    const items = lines.map(({ key, label, by, about, canRelease, canRevert }) => {
      const item = make("li", {}, make("span", { textContent: label }), make("strong", { textContent: say(by) }));
      if (about) item.append(make("span", { className: "quiet", textContent: about }));
      if (canRevert) item.append(this.#keyed("revert", key, say("revertShort"), say("revert", { label })));
      if (canRelease) item.append(this.#keyed("release", key, say("releaseShort"), say("release", { label })));
      return item;
    });
    replace(this.#parts.list, items);
  }

  /** @param {Notice[]} offers */
  showOffers(offers) {
    const { say } = this.#words;
    const items = offers.map(({ key, label, text }) => {
      const words = make("span", { textContent: say("offered", { label, value: text }) });
      return make("li", {}, words, this.#keyed("accept", key, say("show")));
    });
    replace(this.#parts.offers, items);
    this.#parts.offers.hidden = items.length === 0;
  }

  /** @param {Notice[]} notices */
  showProblems(notices) {
    this.#showList(this.#parts.problems, "problems", notices);
  }

  /** @param {Notice[]} notices */
  showMissing(notices) {
    this.#showList(this.#parts.missing, "missing", notices);
  }

  /** @param {HTMLElement} part @param {any} heading @param {Notice[]} notices */
  #showList(part, heading, notices) {
    const items = notices.map(({ key, label, text }) => {
      const name = key ? this.#keyed("focus", key, label) : make("span", { textContent: label });
      return make("li", {}, name, ...(text ? [make("span", { textContent: text })] : []));
    });
    replace(part, [make("p", { textContent: this.#words.say(heading) }), make("ul", {}, ...items)]);
    part.hidden = items.length === 0;
  }

  get #words() {
    return { say: (/** @type {any} */ name, /** @type {any} */ values) => this.#texts.say(name, values) };
  }

  /** @param {string} act @param {string} key @param {string} text @param {string} [name] for a screen reader. */
  #keyed(act, key, text, name) {
    const button = make("button", { type: "button", className: "link", part: "link", textContent: text });
    if (name) button.ariaLabel = name;
    button.dataset.key = key;
    button.dataset.act = act;
    button.addEventListener("click", () => this.#acts[act](key));
    return button;
  }
}

/** Replace what is shown, unless it is the same; the focus stays where it was. @param {any} part @param {Node[]} nodes */
function replace(part, nodes) {
  const holder = make("div", {}, ...nodes);
  if (holder.innerHTML === part.innerHTML) return;
  const { act, key } = part.getRootNode().activeElement?.dataset ?? {};
  part.replaceChildren(...holder.childNodes);
  if (!act) return;
  const again = [...part.querySelectorAll("button")].find(({ dataset }) => dataset.act === act && dataset.key === key);
  again?.focus();
}
