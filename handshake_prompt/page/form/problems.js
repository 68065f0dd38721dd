/**
 * Problems of a field as its controls tell them: constraint validation, `aria-invalid`, and what a control has made of a
 * value, read back. That something is missing is no problem: the schema says so.
 */

import { attributeOf, rootOf } from "./clobbering.js";
import { isChoice } from "./controls.js";
import { textOf } from "./labels.js";
import { isSecret } from "./secrets.js";
import { UNREADABLE, isAlike, read } from "./values.js";

/** @typedef {import("./controls.js").Control} Control */
/** @typedef {import("../client.js").Field} Field */

const MESSAGE_CHARS = 300;

const ENGLISH = {
  refused: "The page does not accept this.",
  other: "The page shows {shown} in place of it.",
  nothing: "nothing",
};
/** @type {typeof ENGLISH} */
const CHINESE = { refused: "页面不接受此值。", other: "页面显示的是 {shown}。", nothing: "空" };

/**
 * @param {Control[]} controls
 * @param {any} field
 * @param {any} value the session's.
 * @returns {string | null} a sentence; nothing of the value if that is not for the agent.
 */
export function problemOf(controls, field, value) {
  const words = /^zh\b/i.test(document.documentElement.lang) ? CHINESE : ENGLISH;
  const complaint = controls.map(complaintOf).find((found) => found !== null);
  const isPrivate = field.sensitive === true || controls.some(isSecret);
  if (complaint !== undefined) return (isPrivate ? "" : complaint.slice(0, MESSAGE_CHARS)) || words.refused;
  const shown = read(controls, field);
  if (isPrivate || controls.length === 0 || shown === UNREADABLE || isAlike(controls, field, shown, value)) return null;
  const said = shown === null || shown === "" ? words.nothing : JSON.stringify(shown);
  return words.other.replace("{shown}", said.slice(0, MESSAGE_CHARS / 2));
}

/**
 * What was held by controls that the page came with as refused: a server's refusal says nothing of what is written since,
 * and nobody takes it back. `null` for all others.
 *
 * @type {WeakMap<Control, any>}
 */
const came = new WeakMap();

/** @param {any} control */
function held(control) {
  return isChoice(control) ? control.checked : control.value;
}

/** @param {Control} control @returns {string | null} null if the page has nothing against it. */
function complaintOf(control) {
  if (control.willValidate && control.validity?.valid === false && !isOnlyMissing(control.validity)) {
    return control.validationMessage;
  }
  const isRefused = attributeOf(control, "aria-invalid") === "true" && !control.validity?.valueMissing;
  if (!isRefused || !came.has(control)) came.set(control, isRefused ? held(control) : null);
  if (!isRefused || (came.get(control) ?? held(control)) !== held(control)) return null;
  const id = attributeOf(control, "aria-errormessage");
  return id ? textOf(rootOf(control).getElementById(id)) : "";
}

/** @param {ValidityState} validity */
function isOnlyMissing(validity) {
  const names = ["badInput", "customError", "patternMismatch", "rangeOverflow", "rangeUnderflow", "stepMismatch"];
  return !names.concat("tooLong", "tooShort", "typeMismatch").some((name) => validity[name]);
}

