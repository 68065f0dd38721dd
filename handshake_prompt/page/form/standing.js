/**
 * Standing of a control towards the agent: left out of the form altogether, or the person's alone. A page has the last
 * word by `data-handshake="skip | sensitive | person | readonly"`, on a control or around several.
 */

import { around, attributeOf } from "./clobbering.js";
import { nameOf } from "./controls.js";
import { words } from "./secrets.js";
import { isBait, isShown } from "./sight.js";
import { isFilter, isTwin } from "./widgets.js";

/** @typedef {import("./controls.js").Control} Control */

const FOREIGN_NAME =
  /csrf|xsrf|authenticity_token|requestverificationtoken|(?:captcha|turnstile)[-_]?(?:response|solution)/i;
const BAIT_NAME = /honey[-_ ]?pot|_gotcha|bot[-_]?field/i;
const CONSENT = /\b(?:agree(?:ment)?|consents?|accept(?:ed)?|gdpr|t(?:erms)?(?:[-_ ]and[-_ ]|&)c(?:onditions)?|terms)\b|同意|akzeptiere|einverstanden|stimme .*\bzu\b|j['’]accepte|\bacepto\b|\baccetto\b|\baceito\b|\bakkoord\b|соглас/;

/** @param {Control} control @param {string} mark @returns {boolean} whether the page has marked it, or what it is in. */
export function isMarked(control, mark) {
  for (let element = control; element; element = around(element)) {
    if ((attributeOf(element, "data-handshake") ?? "").split(/\s+/).includes(mark)) return true;
  }
  return false;
}

/**
 * Whether a control is no field of the form for a person who looks at it: nothing of it is told.
 *
 * @param {Control} control
 * @param {HTMLFormElement} form
 */
export function isLeftOut(control, form) {
  const names = `${nameOf(control)} ${control.id}`;
  if (isTwin(control) || isMarked(control, "skip") || FOREIGN_NAME.test(names) || BAIT_NAME.test(names)) return true;
  return isFilter(control) || !isShown(control, form) || isBait(control, form);
}

/**
 * Whether a lone checkbox is a consent: it has to be checked, or it says that something is agreed to.
 *
 * @param {Control} control
 * @param {string} label
 */
export function isConsent(control, label) {
  return control.required || CONSENT.test(words(`${nameOf(control)} ${control.id} ${label}`));
}
