/**
 * Paste-back of an answer: an agent without network access writes it, the person carries it to the page. The server reads
 * it, so that one grammar holds everywhere. SPEC.md sections 4 and 11.
 */

/**
 * @typedef {object} PastedAction what the answer asks for.
 * @property {"set" | "add" | "remove" | "suggest"} type
 * @property {string} key
 * @property {any} [value]
 * @property {string} [reason]
 */
/** @typedef {{key: string, status: string, code?: string, msg?: string, row?: string}} PastedResult */
/** @typedef {{line: number, text: string, msg: string}} UnreadLine counted from 1. */
/**
 * @typedef {object} Pasted
 * @property {boolean} preview whether it only tells what would become of the answer.
 * @property {PastedAction[]} read
 * @property {PastedResult[]} results in the order of `read`.
 * @property {number[]} [lines] of the text at which they stand, likewise.
 * @property {number} blocks whole ones in the text; the last one counts.
 * @property {number} line where that one begins.
 * @property {UnreadLine[]} unread lines that say nothing the form could take.
 * @property {{text: string, status: string, msg?: string}[]} questions which become requests; `error`: it cannot be asked.
 * @property {boolean} bound whether the answer names its prompt, and so is checked against what has changed since.
 * @property {boolean} [replayed] whether it was applied before, and had its effect then.
 * @property {string} [report] the outcome in words, for the agent that only the person can tell.
 */

/**
 * @param {{access: import("./access.js").Access, catchUp: import("./catch_up.js").CatchUp}} session
 * @param {string} text
 * @param {boolean} preview
 * @returns {Promise<Pasted>}
 */
export async function paste({ access, catchUp }, text, preview) {
  const pasted = await access.request("POST", "paste", { body: { text, preview } });
  if (!preview) await catchUp.afterwards();
  return pasted;
}
