/**
 * Standing of a control towards the agent: left out of the form altogether, the person's alone, or secret, so that its
 * value never leaves the page. A page has the last word by `data-handshake="skip | sensitive | person | readonly"`, on a
 * control or around several.
 */

import { around, attributeOf } from "./clobbering.js";
import { isChoice, nameOf } from "./controls.js";
import { labelOf } from "./labels.js";

/** @typedef {import("./controls.js").Control} Control */

/** Autofill tokens of secrets (HTML, section 4.10.18.7). */
const SECRET_TOKEN = /^(?:cc-.*|(?:new|current)-password|one-time-code)$/;
const SECRET_NAME =
  /(?:^|[^a-z])(?:passw(?:or)?d|passphrase|pwd|otp|totp|[2m]fa|cvv2?|cvc2?|csc|credit ?card|(?:card|cc)[- ]?(?:no|num|number|code|exp\w*)|(?:verification|authenti\w+|security|sms|one time)[- ]?(?:code|pass))(?:$|[^a-z])|captcha/;
/** Likewise in other languages, accents left out. */
const SECRET_WORD = new RegExp(
  [
    ...["pass?wort", "kennwort", "mot de passe", "contrasena", "palavra passe", "wachtwoord", "haslo", "пароль"],
    ...["密码", "密碼", "パスワード", "비밀번호", "two ?factor", "two ?step", "验证码", "驗證碼"],
    ...["kartennummer", "karten-?prufnummer", "pruf(?:ziffer|zahl)", "pruefziffer", "numero de (?:la )?(?:carte|tarjeta)"],
    ...["numero del?la carta", "numero do cartao", "卡号", "卡號", "カード番号", "セキュリティコード"],
  ].join("|"),
);
/** What a label may have beside its name, before it is a question about something. */
const LABEL_WORDS = 5;
const FOREIGN_NAME =
  /csrf|xsrf|authenticity_token|requestverificationtoken|(?:captcha|turnstile)[-_]?(?:response|solution)/i;
const BAIT_NAME = /honey[-_ ]?pot|_gotcha|bot[-_]?field/i;
/** What a trap for robots says to people; "leave it empty if …" is none. */
const BAIT_LABEL =
  /\bleave (?:this|it)(?: \w+)? (?:blank|empty|untouched)(?!,? (?:if|when|unless|to)\b)|\b(?:do not|don['’]t|never) fill\b|\bif you(?:['’]re| are) (?:a )?human\b|请勿填写/i;
/** What a person can make out. */
const LEAST_OPACITY = 0.05;
/** Clipping that leaves nothing. */
const CLIPPED = /^inset\((?:[5-9]\d|100)%\)$/;
const NO_RECTANGLE = /^rect\((?:[01]px,? ){3}[01]px\)$/;
const CONSENT = /\b(?:agree(?:ment)?|consents?|accept(?:ed)?|gdpr|t(?:erms)?(?:[-_ ]and[-_ ]|&)c(?:onditions)?|terms)\b|同意|akzeptiere|einverstanden|stimme .*\bzu\b|j['’]accepte|\bacepto\b|\baccetto\b|\baceito\b|\bakkoord\b|соглас/;

/** @type {WeakSet<Control>} Secrets, which stay ones while a page shows them as plain text. */
const secrets = new WeakSet();

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
  if (isMarked(control, "skip") || FOREIGN_NAME.test(names) || BAIT_NAME.test(names)) return true;
  return !isShown(control, form) || isBait(control, form);
}

/** Whether the value of a control never leaves the page. @param {Control} control */
export function isSecret(control) {
  if (secrets.has(control)) return true;
  const tokens = (attributeOf(control, "autocomplete") ?? "").toLowerCase().split(/\s+/);
  const found = control.type === "password" || tokens.some((token) => SECRET_TOKEN.test(token)) || isNamedSecret(control);
  if (found) secrets.add(control);
  return found;
}

/** Whether a control is called like a secret, by its name, its id or a short label. @param {Control} control */
function isNamedSecret(control) {
  if (isChoice(control)) return false;
  const names = words(`${nameOf(control)} ${control.id}`);
  if (SECRET_NAME.test(names) || SECRET_WORD.test(names)) return true;
  const label = words(labelOf(control));
  return label.split(" ").length <= LABEL_WORDS && (SECRET_NAME.test(label) || SECRET_WORD.test(label));
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

/** @param {string} text @returns {string} in lower case without accents, `cardNumber` and `card_number` as two words. */
function words(text) {
  const split = text.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
  return split.normalize("NFD").replace(/(\p{Script=Latin})\p{M}+/gu, "$1").normalize("NFC");
}

/**
 * Whether a control is displayed within its form. Whether the form itself is does not matter: it may be in a dialog that
 * is yet to be opened. Of a control that a page has replaced with a picture, its label is what is displayed.
 *
 * @param {Control} control
 * @param {HTMLFormElement} form
 */
function isShown(control, form) {
  if (isDisplayed(control, form)) return true;
  return canBeReplaced(control) && [...(control.labels ?? [])].some((label) => isDisplayed(label, form));
}

/** Whether pages put a picture in a control's place, and its label then stands for it. @param {Control} control */
function canBeReplaced(control) {
  return isChoice(control) || control.type === "file" || control instanceof HTMLSelectElement;
}

/** @param {Element} element @param {HTMLFormElement} form */
function isDisplayed(element, form) {
  if (!element.isConnected) return true; // of a row that is yet to be made
  if (getComputedStyle(element).visibility !== "visible" && getComputedStyle(form).visibility === "visible") return false;
  for (let each = /** @type {Element | null} */ (element); each && each !== form; each = around(each)) {
    if (getComputedStyle(each).display === "none" || attributeOf(each, "inert") !== null) return false;
  }
  return true;
}

/**
 * Whether a control is a trap for robots, which a person does not see or is told to leave alone. One of several to choose
 * from is seen by its label.
 *
 * @param {Control} control
 * @param {HTMLFormElement} form
 */
function isBait(control, form) {
  if (canBeReplaced(control)) {
    const labels = [...(control.labels ?? [])];
    return labels.length > 0 && [control, ...labels].every((element) => isOutOfReach(element, form));
  }
  const isSkipped = attributeOf(control, "tabindex") === "-1" && !control.readOnly;
  return isSkipped || BAIT_LABEL.test(labelOf(control)) || isOutOfReach(control, form);
}

/** Whether an element is laid out where no person sees it. @param {Element} element @param {HTMLFormElement} form */
function isOutOfReach(element, form) {
  if (element.getClientRects().length === 0 || element.closest("details:not([open])")) return false;
  const { right, bottom } = element.getBoundingClientRect();
  if (right + scrollX <= 0 || bottom + scrollY <= 0) return true;
  for (let each = /** @type {Element | null} */ (element); each && each !== form; each = around(each)) {
    if (isUnseen(each, each === element)) return true;
  }
  return false;
}

/** @param {Element} element @param {boolean} isItself no box around others. */
function isUnseen(element, isItself) {
  const { opacity, overflowX, clip, clipPath } = getComputedStyle(element);
  if (Number(opacity) < LEAST_OPACITY || attributeOf(element, "aria-hidden") === "true") return true;
  if (CLIPPED.test(clipPath) || NO_RECTANGLE.test(clip)) return true;
  if (!isItself && overflowX === "visible") return false;
  const { width, height } = element.getBoundingClientRect();
  return (width <= 1 || height <= 1) && element.getClientRects().length > 0;
}
