/**
 * Fields of a question as controls to answer in. Conditions among them hide what is not asked for: SPEC.md section 5.
 */

import { visible } from "../client/values.js";
import { Scope } from "../draw/scope.js";
import { wordsOf } from "../draw/words.js";
import { read } from "../form/values.js";
import { make } from "./make.js";

/** @typedef {import("../client.js").Field} Field */

/** @type {Record<string, string>} */
const INPUT_TYPES = { date: "date", datetime: "datetime-local", email: "email", integer: "number", number: "number", time: "time" };
/** An option that goes may hide a field, and that another option: as often as a question has fields. */
const ROUNDS = 10;

/** The fields of one question, in `root`. */
export class AnswerFields {
  root = make("div", { className: "answers" });
  #fields;
  #look;
  /** @type {Map<Field, any>} */
  #controls = new Map();

  /** @param {Field[]} fields @param {{id: string, language: string}} question */
  constructor(fields, { id, language }) {
    this.#fields = fields;
    this.#look = { words: wordsOf(language), classOf: () => "" };
    for (const field of fields) this.root.append(this.#draw(field, id));
    this.root.addEventListener("input", () => this.#update());
    this.#update();
  }

  /** Tell the person of the first control that is not as it has to be. @returns {boolean} whether all are. */
  report() {
    return [...this.#controls.values()].every((control) => control.reportValidity());
  }

  /** @returns {object | undefined} what was given in, of the fields on show. */
  get values() {
    const shown = [...this.#controls].filter(([, control]) => !control.disabled);
    const given = shown.map(([field, control]) => [field.key, read([control], field)]);
    const values = Object.fromEntries(given.filter(([, value]) => value !== null && value !== ""));
    return Object.keys(values).length > 0 ? values : undefined;
  }

  /** @param {Field} field @param {string} id */
  #draw(field, id) {
    const control = controlFor(field);
    control.id = `answer ${id} ${field.key}`.replaceAll(" ", "-");
    control.dataset.handshake = "skip";
    this.#controls.set(field, control);
    const label = make("label", { htmlFor: control.id, textContent: visible(field.label) || field.key });
    const element = make("div", { className: "answer" }, label, control);
    element.dataset.key = field.key;
    return element;
  }

  #update() {
    let rounds = ROUNDS;
    while (new Scope(this.root, this.#fields, this.#look).update() && rounds > 0) rounds -= 1;
  }
}

/** @param {any} field */
function controlFor(field) {
  if (field.options?.length > 0) {
    const options = field.options.map((/** @type {any} */ each) =>
      typeof each === "object" && each !== null ? each : { value: each });
    const choices = options.map(({ value, label }) => make("option", { value, textContent: label ?? value }));
    const empty = field.multiple ? [] : [make("option", { value: "", textContent: "–" })];
    return make("select", { multiple: field.multiple === true }, ...empty, ...choices);
  }
  if (field.type === "boolean") return make("input", { type: "checkbox" });
  const input = make("input", { type: INPUT_TYPES[field.type] ?? "text" });
  if (field.type === "number") input.step = "any";
  for (const name of ["min", "max", "minLength", "maxLength", "pattern"]) if (field[name] !== undefined) input[name] = field[name];
  return input;
}
