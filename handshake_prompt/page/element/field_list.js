/** Part of the panel that tells whose value each field has, and lets the person give it back or take it back. */

import { isEmpty, isPersons, isPersonsAlone, labelOf } from "./field_facts.js";
import { link, make, redraw } from "./make.js";

/** @typedef {import("../client.js").Field} Field */
/** @typedef {import("./panel.js").State} State */

/** The list, which the person unfolds. */
export class FieldList {
  root;
  #texts;
  #run;
  #list = make("ul");

  /** @param {import("./texts.js").Texts} texts @param {import("./panel.js").Acts} acts */
  constructor(texts, { run }) {
    this.#texts = texts;
    this.#run = run;
    this.root = make("details", { hidden: true }, make("summary", { textContent: texts.say("fields") }), this.#list);
  }

  /** @param {State} state */
  update(state) {
    const { session, binding } = state;
    this.root.hidden = !session;
    const fields = (binding?.fields ?? []).filter(({ key }) => !isEmpty(session?.fields.get(key)?.value));
    redraw(this.#list, fields.map((field) => this.#line(session, field, labelOf(state, field.key))));
  }

  /** @param {any} session @param {Field} field @param {string} label */
  #line(session, field, label) {
    const { by, source } = session.fields.get(field.key);
    const line = make("li", {}, make("span", { textContent: label }), make("strong", { textContent: this.#texts.say(by) }));
    if (source) line.append(make("span", { className: "quiet", textContent: this.#texts.say("source", { source }) }));
    const { key } = field;
    if (by === "ai") line.append(this.#act("revert", key, label, (session) => session.revert([key])));
    if (isPersons(by) && !isPersonsAlone(field)) {
      line.append(this.#act("release", key, label, async (session) => session.release(key)));
    }
    return line;
  }

  /** @param {"revert" | "release"} name @param {string} key @param {string} label @param {(session: any) => Promise<any>} work */
  #act(name, key, label, work) {
    const settings = { id: `${name} ${key}`, name: this.#texts.say(name, { label }) };
    return link(this.#texts.say(`${name}Short`), () => this.#run(work), settings);
  }
}
