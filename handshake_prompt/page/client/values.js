/** Keys and values in the form the server takes, so that nothing is sent that it must refuse. SPEC.md section 5. */

const KEY_CHARS = 256;
const KEY_CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;
const RESERVED = new Set(["__proto__", "prototype", "constructor"]);
const DEPTH = 16;
/** From here on JSON has an exponent, which makes a number of it; below, an integer that a browser cannot hold. */
const EXPONENT_FROM = 1e21;
/** An escape in JSON; the group is half a character, which `JSON.stringify` escapes and leaves as it is otherwise. */
const ESCAPE = /\\(?:u(d[89a-f][0-9a-f]{2})|.)/gs;

/** A moment as `datetime-local` has it, and as the server does. */
const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::00)?$/;

/** Nothing to see: ignorable by default (Unicode, section 5.21, the Hangul fillers among them), or a blank symbol. */
const UNSEEN = /[\p{C}\p{DI}\p{Zl}\p{Zp}\u2800\u{1d159}]/gu;
/** Marks beyond two on one letter, which would run over the lines above and below. */
const STACKED = /(\p{M}{2})\p{M}+/gu;

/**
 * Whether something may name a field. A control without a name, or an element that is none, has nothing that does.
 *
 * @param {unknown} key
 * @returns {key is string}
 */
export function isKey(key) {
  return (
    typeof key === "string" &&
    key !== "" &&
    [...key].length <= KEY_CHARS &&
    !KEY_CONTROLS.test(key) &&
    !RESERVED.has(key) &&
    !/\p{Surrogate}/u.test(key)
  );
}

/**
 * Return JSON that every receiver can read: half a character, as an emoji is while it is being typed, becomes U+FFFD
 * (as in the Encoding Standard).
 *
 * @param {unknown} value
 * @returns {string}
 */
export function encode(value) {
  return JSON.stringify(value).replace(ESCAPE, (escape, half) => (half ? "\ufffd" : escape));
}

/**
 * Say why the server would refuse a value, whatever its field is; null if it would not.
 *
 * @param {unknown} value as `JSON.parse` makes it.
 * @returns {string | null}
 */
export function objection(value, depth = 1) {
  if (typeof value === "number") {
    const isExact = !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= EXPONENT_FROM;
    return isExact ? null : "An integer must lie within plus or minus 2^53 - 1.";
  }
  if (typeof value !== "object" || value === null) return null;
  if (depth > DEPTH) return `A value must not nest deeper than ${DEPTH} levels.`;
  if (Object.hasOwn(value, "__proto__")) return "__proto__ is a reserved name.";
  for (const part of Object.values(value)) {
    const found = objection(part, depth + 1);
    if (found) return found;
  }
  return null;
}

/** @returns {number} how long a text is in UTF-8. */
export function bytesOf(text) {
  return new TextEncoder().encode(text).length;
}

/**
 * Whether two values say the same to a person: a text control shows 42 as "42", nothing as "", and a control for dates
 * and times has its own way to write them.
 *
 * @param {unknown} one
 * @param {unknown} other
 */
export function isSame(one, other) {
  return shown(one) === shown(other);
}

/** @param {any} value */
function shown(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "object") return Object.keys(value).length === 0 ? "" : JSON.stringify(value);
  return String(value).replace(MOMENT, "$1 $2");
}

/**
 * Return the visible part of a name, on one line: without control characters, direction overrides and blank letters.
 * Empty if nothing is left to see.
 *
 * @param {unknown} name
 * @returns {string}
 */
export function visible(name) {
  const text = String(name ?? "").replace(/\s+/gu, " ").replace(UNSEEN, "").replace(STACKED, "$1").trim();
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(text) ? text : "";
}
