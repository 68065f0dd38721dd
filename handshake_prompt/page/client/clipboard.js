/** The clipboard, with and without its API. */

/**
 * Put text on the clipboard. Give a promise to call it inside the click that starts the work: some browsers allow
 * copying only then.
 *
 * @param {string | Promise<string>} text
 * @returns {Promise<boolean>} whether it could be copied.
 */
export async function copyText(text) {
  try {
    if (typeof text !== "string" && globalThis.ClipboardItem && navigator.clipboard) {
      const blob = text.then((content) => new Blob([content], { type: "text/plain" }));
      blob.catch(() => {}); // the text's own promise tells of it
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      return true;
    }
    await navigator.clipboard.writeText(await text);
    return true;
  } catch {
    return typeof text === "string" ? copyThroughSelection(text) : text.then(copyThroughSelection, () => false);
  }
}

/**
 * The Clipboard API needs a secure context and a permission; selecting and copying needs neither.
 *
 * @param {string} text
 */
function copyThroughSelection(text) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.setAttribute("aria-hidden", "true");
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus?.();
  return copied;
}
