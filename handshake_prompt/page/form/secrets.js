/** Secrets of a form: controls whose value never leaves the page, by type, autofill token, name or a short label. */

import { attributeOf } from "./clobbering.js";
import { isChoice, nameOf } from "./controls.js";
import { labelOf } from "./labels.js";

/** @typedef {import("./controls.js").Control} Control */

/** Autofill tokens of secrets (HTML, section 4.10.18.7). */
const SECRET_TOKEN = /^(?:cc-.*|(?:new|current)-password|one-time-code)$/;
const NO_TOKEN = /^(?:on|off|section-.*)?$/;
/** Words that make a name one of a secret, wherever they stand in it. */
const SECRET_NAME = new RegExp(
  `(?:^|[^a-z])(?:${[
    ...["passw(?:or)?d", "passphrase", "passcode", "pwd", "otp", "totp", "[2m]fa", "ssn", "social security"],
    ...["cvv2?", "cvc2?", "cvn", "ccv", "csc", "credit ?card", "(?:card|cc)[- ]?(?:no|num|number|code|exp\\w*|verification)"],
    ...["(?:verification|authenti\\w+|security|sms|one time|recovery|backup)[- ]?(?:code|pass|answer)", "secret answer"],
    ...["api[- ]?key", "(?:access|api)[- ]?token", "private key"],
  ].join("|")})(?:$|[^a-z])|captcha`,
);
/** Words that do so where a name ends: a pin is a secret, the colour of one is not. */
const SECRET_END = /(?:^|[^a-z])(?:pin|pan|[mi]?tan)\d?(?:[- ]?(?:code|number|no|nr))?$/;
/** In a label they are written like this. */
const ACRONYM = /\b(?:PIN|PAN|TAN|SSN)\b/;
/** Likewise in other languages, accents left out. */
const SECRET_WORD = new RegExp(
  [
    ...["pass?wort", "kennwort", "mot de passe", "contrasena", "palavra passe", "wachtwoord", "haslo", "пароль"],
    ...["密码", "密碼", "パスワード", "비밀번호", "two ?factor", "two ?step", "geheimzahl", "code (?:secret|confidentiel)"],
    ...["kartennummer", "karten-?prufnummer", "pruf(?:ziffer|zahl)", "pruefziffer", "numero de (?:la )?(?:carte|tarjeta)"],
    ...["numero del?la carta", "numero do cartao", "卡号", "卡號", "カード番号", "セキュリティコード", "安全码", "安全碼"],
    ...["(?:sicherheits|bestatigungs|verifizierungs|einmal)-?code", "(?:beveiligings|verificatie|bevestigings)code"],
    ...["co(?:de|digo|dice) de (?:securite|segurida(?:d|de)|seguranca|verifica\\w+|confirma\\w+)", "kod weryfikacyjny"],
    ...["codice di (?:sicurezza|verifica|conferma)", "код подтверждения", "код безопасности", "验证码", "驗證碼", "校验码"],
    ...["確認コード", "認証コード", "認証番号", "暗証番号", "인증 ?번호", "인증 ?코드", "动态码", "口令"],
  ].join("|"),
);
/** What a label may have beside its name, before it is a question about something. */
const LABEL_WORDS = 5;

/** @type {WeakSet<Control>} Secrets, which stay ones while a page shows them as plain text. */
const secrets = new WeakSet();

/** Whether the value of a control never leaves the page. @param {Control} control */
export function isSecret(control) {
  if (secrets.has(control)) return true;
  const tokens = (attributeOf(control, "autocomplete") ?? "").toLowerCase().split(/\s+/);
  const isTold = tokens.some((token) => !NO_TOKEN.test(token));
  const isToken = tokens.some((token) => SECRET_TOKEN.test(token));
  const found = control.type === "password" || isToken || isNamedSecret(control, isTold);
  if (found) secrets.add(control);
  return found;
}

/**
 * Whether a control is called like a secret, by its name, its id or a short label.
 *
 * @param {Control} control
 * @param {boolean} isTold whether an autofill token says what it is: in India the pin code is one of an address.
 */
function isNamedSecret(control, isTold) {
  if (isChoice(control)) return false;
  const names = [nameOf(control), control.id ?? ""].map(words);
  if (names.some((name) => isSecretName(name) || (!isTold && SECRET_END.test(name)))) return true;
  const label = labelOf(control);
  const isShort = label.split(/\s+/).length <= LABEL_WORDS;
  return isShort && (isSecretName(words(label)) || (!isTold && ACRONYM.test(label)));
}

/** @param {string} name in `words` */
function isSecretName(name) {
  return SECRET_NAME.test(name) || SECRET_WORD.test(name);
}

/** @param {string} text @returns {string} in lower case without accents, `cardNumber` and `card_number` as two words. */
export function words(text) {
  const split = text.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
  return split.normalize("NFD").replace(/(\p{Script=Latin})\p{M}+/gu, "$1").normalize("NFC");
}
