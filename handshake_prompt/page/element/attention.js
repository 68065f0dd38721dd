/** Sign that the person is needed while they look at something else: a mark in the title, and a notification if allowed. */

const MARK = "● ";

/** The attention of one page's person. */
export class Attention {
  /** @param {AbortSignal} signal ends it. */
  constructor(signal) {
    document.addEventListener("visibilitychange", () => this.#rest(), { signal });
    signal.addEventListener("abort", () => this.#clear());
  }

  /** @param {string} text what they are needed for; shown only where the page may notify anyway. */
  call(text) {
    if (!document.hidden) return;
    if (!document.title.startsWith(MARK)) document.title = MARK + document.title;
    if (globalThis.Notification?.permission === "granted") this.#notify(text);
  }

  /** @param {string} text */
  #notify(text) {
    try {
      const shown = new Notification(document.title.slice(MARK.length), { body: text, tag: "handshake-prompt" });
      shown.onclick = () => (window.focus(), shown.close());
    } catch {
      // On Android a service worker alone may notify, whatever the permission: the title has to do.
    }
  }

  #rest() {
    if (!document.hidden) this.#clear();
  }

  #clear() {
    if (document.title.startsWith(MARK)) document.title = document.title.slice(MARK.length);
  }
}
