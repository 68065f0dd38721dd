/** Facts of fields and values that the panel goes by. */

import { visible } from "../client/values.js";

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
 * What a field is called; a cell after its list and the place of its row, as in "Lines 2: Amount".
 *
 * @param {import("../client.js").HandshakeSession | null} session
 * @param {string} key
 * @returns {string} empty for the form as a whole.
 */
export function labelOf(session, key) {
  const list = session?.schema.find(({ key: other, type }) => type === "rows" && key.startsWith(`${other}/`));
  if (!session || !list) return visible(session?.schema.find((field) => field.key === key)?.label) || key;
  const [row, ...cell] = key.slice(list.key.length + 1).split("/");
  const name = list.fields?.find((/** @type {Field} */ field) => field.key === cell.join("/"))?.label;
  const place = `${visible(list.label) || list.key} ${session.rows(list.key).indexOf(row) + 1}`;
  return cell.length > 0 ? `${place}: ${visible(name) || cell.join("/")}` : place;
}

/**
 * The entry of a field in the schema, or that of a cell in its list.
 *
 * @param {import("../client.js").HandshakeSession | null} session
 * @param {string} key
 * @returns {Field | undefined}
 */
export function fieldOf(session, key) {
  const schema = session?.schema ?? [];
  const own = schema.find((field) => field.key === key);
  const list = schema.find(({ key: other, type }) => type === "rows" && key.startsWith(`${other}/`));
  const cell = key.slice((list?.key ?? "").length + 1).split("/").slice(1).join("/");
  return own ?? list?.fields?.find((/** @type {Field} */ field) => field.key === cell);
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
