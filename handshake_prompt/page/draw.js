/**
 * A form drawn from its fields, such as those of a form that the host application has registered:
 *
 *     const { fields, defaults } = await (await fetch("/handshake/forms/claim")).json();
 *     drawForm(fields, { form: document.getElementById("claim"), values: defaults });
 *
 * Groups, rows, options with their labels, descriptions, constraints; what conditions hide is hidden and not asked for.
 * Plain HTML, without styles of its own: the page names its classes. The tag, and `session.bind`, work on it as on any form.
 */

import { drawFields } from "./draw/fields.js";
import { node } from "./draw/nodes.js";
import { press } from "./draw/row_buttons.js";
import { Scope } from "./draw/scope.js";
import { wordsOf } from "./draw/words.js";
import { attributeOf, listen, prepend } from "./form/clobbering.js";

/** @typedef {import("./client.js").Field} Field */

/** An option that goes may hide a field, that shows another: SPEC.md bounds how far that reaches. */
const ROUNDS = 50;

/**
 * Draw the fields of a form, ahead of what is in it, such as its button.
 *
 * @param {Field[]} fields
 * @param {import("./draw.js").DrawSettings} [settings]
 * @returns {HTMLFormElement} the form.
 */
export function drawForm(fields, { form, values = {}, language = document.documentElement.lang, classes = {} } = {}) {
  const target = form ?? document.createElement("form");
  const words = wordsOf(language);
  const prefix = attributeOf(target, "id") || "form";
  const classOf = (/** @type {string} */ part) => /** @type {any} */ (classes)[part] ?? "";
  const placeOf = (/** @type {Field} */ { key, default: initial }) => ({
    id: `${prefix}-${key}`,
    name: key,
    value: values[key] ?? initial,
    words,
    classOf,
  });
  const drawn = node("div", { class: classOf("fields") }, ...drawFields(fields, placeOf));
  prepend(target, drawn);
  follow(drawn, target, () => update(drawn, fields, { words, classOf }));
  return target;
}

/** @param {Element} drawn @param {Field[]} fields @param {import("./draw/scope.js").Look} look */
function update(drawn, fields, look) {
  let rounds = ROUNDS;
  while (new Scope(drawn, fields, look).update() && rounds > 0) rounds -= 1;
}

/** @param {HTMLElement} drawn @param {HTMLFormElement} form @param {() => void} change */
function follow(drawn, form, change) {
  for (const name of ["input", "change"]) drawn.addEventListener(name, change);
  listen(form, "reset", () => setTimeout(change));
  drawn.addEventListener("click", (event) => press(event, change));
  new MutationObserver(change).observe(drawn, { childList: true, subtree: true });
  change();
}
