/** Tasks of a browser's event loop (HTML, section 8.1.7). */

/** @param {EventTarget} target @param {string[]} names @returns {Promise<void>} the next event of one of some names. */
export function nextEvent(target, names) {
  return new Promise((resolve) => {
    const heard = new AbortController();
    const wake = () => (heard.abort(), resolve());
    for (const name of names) target.addEventListener(name, wake, { signal: heard.signal });
  });
}

/** A task of its own: unlike a promise's reaction, it runs after the event that is being dispatched. */
export function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (port1.close(), resolve(undefined));
    port2.postMessage(null);
  });
}
