/**
 * The person's decisions: on what agents ask and suggest, and on what they have written. What comes of one is shown behind
 * the server's answer, and submissions wait for that. SPEC.md section 4.
 */

/** The decisions on one session. */
export class Decisions {
  #access;
  #catchUp;
  #submissions;

  /**
   * @param {object} means
   * @param {import("./access.js").Access} means.access
   * @param {import("./catch_up.js").CatchUp} means.catchUp
   * @param {import("./submission.js").Submissions} means.submissions
   */
  constructor({ access, catchUp, submissions }) {
    this.#access = access;
    this.#catchUp = catchUp;
    this.#submissions = submissions;
  }

  /**
   * @param {import("./view.js").Request} request
   * @param {"accept" | "decline"} decision
   * @param {Record<string, any>} [values]
   * @returns {Promise<string | undefined>} the decision in words, if the person has to carry it.
   */
  async answer({ id, digest, key }, decision, values) {
    const keys = key && decision === "accept" ? [key] : [];
    const settings = { body: { decision, digest, values }, path: `/${encodeURIComponent(id)}` };
    return (await this.#tell("answer", settings, () => keys)).report;
  }

  /** @param {string[]} [keys] all without them. @returns {Promise<string[]>} the keys of what was taken back. */
  async revert(keys) {
    const body = keys ? { keys } : { all: true };
    return (await this.#tell("revert", { body }, ({ reverted }) => reverted)).reverted;
  }

  /**
   * @param {string} name of the URL.
   * @param {{body: object, path?: string}} settings
   * @param {(reply: any) => string[]} keysOf what has changed.
   * @returns {Promise<any>} the members of the reply.
   */
  async #tell(name, settings, keysOf) {
    const reply = this.#access.request("POST", name, settings);
    await this.#submissions.waitFor(reply.then(async (members) => (await this.#catchUp.afterwards(), keysOf(members))));
    return reply;
  }
}
