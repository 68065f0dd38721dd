/**
 * The prompt of a session and the agent's token in it, as far as this page holds them: not after a reload, nor once they
 * were replaced elsewhere, in another tab for instance.
 */

/** @typedef {boolean | {language: string}} PromptOption whether there is to be a prompt, and in which language. */
/**
 * @typedef {object} Pickup a one-time code for an agent elsewhere, as the person passes it on.
 * @property {string} url gives the prompt to the first who fetches it.
 * @property {string} code the code alone, in groups of letters.
 * @property {string} expiresAt
 * @property {number} expiresIn
 * @property {string} [svg] a QR code of the address, where the server draws it.
 */

/** The way in for an agent, in the page's memory. */
export class AgentPrompt {
  /** @type {string | null} The text for the agent. */
  text = null;
  /** @type {string | null} */
  token = null;
  #access;
  #option;
  #changed;
  /** Places in the log: of the token that is held, and of the latest rotation that was told. */
  #heldSince = Infinity;
  #rotatedAt = 0;

  /**
   * @param {import("./access.js").Access} access
   * @param {PromptOption} option
   * @param {() => void} changed the prompt is another one, or none.
   */
  constructor(access, option, changed) {
    this.#access = access;
    this.#option = option;
    this.#changed = changed;
  }

  /** Replace the token. @returns {Promise<string | null>} the new prompt. */
  async rotate() {
    this.learn(await this.#access.request("POST", "rotate", { body: { prompt: this.#option || undefined } }));
    return this.text;
  }

  /** Open a one-time code. @returns {Promise<Pickup>} */
  async pickup() {
    const { language } = Object(this.#option);
    return (await this.#access.request("POST", "pickup", { body: { language } })).pickup;
  }

  /** @param {{token: string, prompt?: string | null, seq?: number}} reply to a creation or a rotation. */
  learn({ token, prompt = null, seq = Infinity }) {
    this.text = prompt;
    this.token = token;
    this.#heldSince = seq;
    this.#settle();
  }

  /** @param {{seq: number}} frame of a rotation, this page's or another's. */
  rotated({ seq }) {
    this.#rotatedAt = seq;
    if (seq > this.#heldSince) this.forget();
  }

  /** Hold nothing any more. */
  forget() {
    if (this.token === null) return;
    this.text = this.token = null;
    this.#changed();
  }

  #settle() {
    if (this.#rotatedAt > this.#heldSince) this.forget();
    else this.#changed();
  }
}
