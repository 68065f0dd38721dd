/**
 * Any form of a page's own as the form of a session, derived from its controls.
 *
 *     const schema = schemaOf(form);
 *     const session = await HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) });
 *     session.bind(form, { follow: true });
 *
 * Hidden controls, honeypots, tokens and captchas are no fields. Passwords, cards and codes are the person's: the agent
 * is told that they are asked for, and their values never leave the page.
 */

import { ControlIndex } from "./form/control_index.js";
import { schemaOf } from "./form/schema.js";
import { UNREADABLE, cellsOf, isChanged, isTouched, readPublic } from "./form/values.js";

export { FormBinding, bind } from "./form/binding.js";
export { ControlIndex } from "./form/control_index.js";
export { schemaOf } from "./form/schema.js";

/** @typedef {import("./client.js").Field} Field */

/**
 * The values of a form for `HandshakeSession.create`: the person's changes are theirs, the page's own values are open
 * to the agent. Only fields of the schema are read.
 *
 * @param {HTMLFormElement} form
 * @param {Field[]} [schema]
 * @returns {{context: Record<string, any>, defaults: Record<string, any>}}
 */
export function valuesOf(form, schema = schemaOf(form)) {
  const values = { context: {}, defaults: {} };
  const index = new ControlIndex(form);
  for (const field of schema) {
    if (field.type === "rows") {
      const rows = index.rows(field.key);
      const told = rows.map((row) => cellsOf(row, field));
      if (rows.length > 0) values[rows.some(isTouched) ? "context" : "defaults"][field.key] = told;
      continue;
    }
    const controls = index.of(field.key);
    const value = readPublic(controls, field);
    if (value !== UNREADABLE) values[controls.some(isChanged) ? "context" : "defaults"][field.key] = value;
  }
  return values;
}
