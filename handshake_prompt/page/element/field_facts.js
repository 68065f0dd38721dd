/** Facts of fields and values that the panel goes by. */

import { visible } from "../client/values.js";
import { groupLabelOf, labelOf as labelOfControl } from "../form/labels.js";

/** @typedef {import("../client.js").Field} Field */

const PERSONS = new Set(["user", "user_edit"]);

/**
 * The fields of a form that the host application has registered.
 *
 * @param {string} base @param {string} name @returns {Promise<Field[]>}
 */
export async function fieldsOf(base, name) {
  const url = new URL(`${base.replace(/\/*$/, "")}/forms/${encodeURIComponent(name)}`, document.baseURI);
  const reply = await fetch(url);
  if (!reply.ok) throw new Error(`${reply.status} ${url.pathname}`);
  return (await reply.json()).fields;
}

/**
 * What a field is called, by its entry or else in the page; a cell after its lists and the places of its rows, as in
 * "Guests 2: Bags 1: Weight".
 *
 * @param {{session: import("../client.js").HandshakeSession | null, binding: import("../form.js").FormBinding | null}} state
 * @param {string} key
 * @returns {string} empty for the form as a whole.
 */
export function labelOf({ session, binding }, key) {
  const parts = session ? placesOf(session, session.schema, key, "") : [{ key, label: "" }];
  const last = parts[parts.length - 1];
  last.label ||= nameInPage(binding?.controlsOf(key) ?? []);
  return parts.map(({ label, key: own }) => label || own).join(": ");
}

/** @param {any[]} controls of one field. */
function nameInPage(controls) {
  return visible(controls.length > 1 ? groupLabelOf(controls) : controls.length === 1 ? labelOfControl(controls[0]) : "");
}

/**
 * @param {import("../client.js").HandshakeSession} session
 * @param {Field[]} schema
 * @param {string} key within `schema`
 * @param {string} start of the whole key.
 * @returns {{key: string, label: string}[]}
 */
function placesOf(session, schema, key, start) {
  const list = schema.find(({ key: other, type }) => type === "rows" && key.startsWith(`${other}/`));
  if (!list) return [{ key, label: visible(schema.find((field) => field.key === key)?.label) }];
  const [row, ...cell] = key.slice(list.key.length + 1).split("/");
  const place = session.rows(start + list.key).indexOf(row) + 1;
  const own = { key: row, label: `${visible(list.label) || list.key} ${place}` };
  const rest = cell.join("/");
  return rest ? [own, ...placesOf(session, list.fields ?? [], rest, `${start}${list.key}/${row}/`)] : [own];
}

/** Whether a value is the person's. @param {string | undefined} by */
export function isPersons(by) {
  return PERSONS.has(by ?? "");
}

/** @param {any} field */
export function isPersonsAlone({ by, readOnly }) {
  return by === "person" || readOnly === true;
}

/** @param {any} field */
export function isAsked({ required, readOnly }) {
  return required === true && readOnly !== true;
}

/** @param {any} value */
export function isEmpty(value) {
  return value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

/** A value in words. @param {any} value @returns {string} */
export function told(value) {
  if (Array.isArray(value)) return value.map(told).join(", ");
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "–");
}
