/** Part of the panel about the session itself: its time, and the ways to go on or to end it. */

import { button, make, say } from "./make.js";

/** Seconds that the person gets at a time. */
const MORE_TIME = 1_800;

/** The time that is left, and the buttons. */
export class SessionActs {
  root = make("div", { className: "part", hidden: true });
  #texts;
  #left = make("span");

  /** @param {import("./texts.js").Texts} texts @param {import("./panel.js").Acts} acts */
  constructor(texts, { run, rotate }) {
    this.#texts = texts;
    const extend = () => run((session) => session.extend(MORE_TIME));
    const more = button(texts.say("extend"), extend, { className: "link", part: "link" });
    this.root.append(
      make("p", { className: "quiet" }, this.#left, " ", more),
      make(
        "div",
        { className: "actions" },
        button(texts.say("revertAll"), () => run((session) => session.revert())),
        button(texts.say("rotate"), rotate),
        button(texts.say("revoke"), () => run((session) => session.revoke())),
      ),
    );
  }

  /** @param {import("./panel.js").State} state */
  update({ session }) {
    this.root.hidden = !session;
    const seconds = session?.expiresIn ?? null;
    say(this.#left, seconds === null ? "" : this.#texts.say("expires", { time: this.#texts.duration(seconds) }));
  }
}
