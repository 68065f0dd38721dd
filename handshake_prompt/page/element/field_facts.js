/** Facts of fields and values that the panel goes by. */

/** @typedef {import("../client.js").Field} Field */

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

/** @param {any} value */
export function told(value) {
  return Array.isArray(value) ? value.join(", ") : String(value ?? "–");
}
