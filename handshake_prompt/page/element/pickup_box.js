/**
 * Part of the panel for an agent elsewhere, on a phone or in another room: a one-time code with its address and QR code,
 * and at once what becomes of it. SPEC.md section 4.
 */

import { copyText } from "../client/clipboard.js";
import { visible } from "../client/values.js";
import { button, make, say } from "./make.js";
import { qrDrawing } from "./qr_drawing.js";
import { isLocal } from "./reach.js";
import { quoted } from "./texts.js";

/** @typedef {import("./panel.js").State} State */
/** @typedef {import("../client/prompt.js").Pickup} Pickup */

/** The code, as long as it is worth something. */
export class PickupBox {
  root = make("div", { className: "part" });
  #texts;
  #offer = make("div", { className: "part", hidden: true });
  #left = make("p", { className: "quiet" });
  #told = make("p", { role: "status" });
  #alarm = make("p", { className: "attention", part: "attention", role: "alert", hidden: true });
  #ways;
  /** @type {State["session"]} */
  #session = null;
  #following = new AbortController();
  /** When the code runs out, in milliseconds; 0 for none that is shown. */
  #until = 0;

  /** @param {import("./texts.js").Texts} texts @param {import("./panel.js").Acts} acts */
  constructor(texts, { open, rotate, run }) {
    this.#texts = texts;
    const code = () => open(async (session) => this.#show(await session.pickup()));
    this.#ways = make(
      "div",
      { className: "actions", hidden: true },
      button(texts.say("rotate"), rotate),
      button(texts.say("revoke"), () => run((session) => session.revoke())),
    );
    const opener = make("div", { className: "actions" }, button(texts.say("elsewhere"), code));
    this.root.append(make("div", {}, opener, this.#told), this.#offer, this.#alarm, this.#ways);
  }

  /** @param {State} state */
  update({ session }) {
    if (session !== this.#session) this.#follow(session);
    if (this.#until > 0) this.#tellTime((this.#until - Date.now()) / 1000);
  }

  /** @param {number} seconds that are left. */
  #tellTime(seconds) {
    if (seconds <= 0) this.#void("elsewhereOver");
    else say(this.#left, this.#texts.say("elsewhereAbout", { time: this.#texts.duration(seconds) }));
  }

  /** @param {State["session"]} session */
  #follow(session) {
    this.#session = session;
    this.#following.abort();
    this.#following = new AbortController();
    const { signal } = this.#following;
    this.#clear();
    const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ act) =>
      session?.addEventListener(name, (/** @type {any} */ { detail }) => act(detail), { signal });
    on("pickedUp", ({ name }) => this.#tellTaken(name));
    on("pickupRefused", ({ times }) => this.#tellRefused(times));
    on("rotated", () => this.#clear());
    on("connected", ({ snapshot }) => this.#resume(snapshot?.pickup));
  }

  /** What happened while the page was away. @param {any} pickup */
  #resume({ taken = false, refused = 0, name = null } = {}) {
    if (taken) this.#tellTaken(name);
    if (refused > 0) this.#tellRefused(refused);
  }

  /** @param {Pickup} pickup */
  #show({ url, code, expiresIn, svg = "" }) {
    this.#clear();
    this.#until = Date.now() + expiresIn * 1000;
    const drawing = svg && qrDrawing(svg, this.#texts.say("elsewhereQr"));
    this.#offer.replaceChildren(
      this.#left,
      ...(isLocal(url) ? [make("p", { className: "quiet", textContent: this.#texts.say("localElsewhere") })] : []),
      ...(drawing ? [drawing] : []),
      make("p", { className: "code", textContent: code }),
      make("p", { className: "quiet" }, make("code", { textContent: url })),
      make("div", { className: "actions" }, button(this.#texts.say("elsewhereCopy"), () => this.#copy(url))),
    );
    this.#offer.hidden = false;
    this.#tellTime(expiresIn);
  }

  /** @param {string} url */
  async #copy(url) {
    say(this.#told, this.#texts.say((await copyText(url)) ? "copied" : "notCopied"));
  }

  /** @param {string | null} name */
  #tellTaken(name) {
    const claimed = quoted(visible(name));
    this.#void(claimed ? "elsewhereTakenBy" : "elsewhereTaken", { name: claimed });
    this.#ways.hidden = false;
  }

  /** @param {number} times */
  #tellRefused(times) {
    this.#alarm.hidden = times === 0;
    say(this.#alarm, times === 0 ? "" : this.#texts.say("elsewhereRefused", { times }));
    this.#ways.hidden = times === 0;
  }

  #clear() {
    this.#void(null);
    this.#tellRefused(0);
  }

  /** Take away a code that is worth nothing. @param {any} why words for it, if there are any. @param {any} [values] */
  #void(why, values) {
    this.#until = 0;
    this.#offer.hidden = true;
    this.#offer.replaceChildren();
    say(this.#told, why ? this.#texts.say(why, values) : "");
  }
}
