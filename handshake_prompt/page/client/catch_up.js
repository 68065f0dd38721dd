/** Catching up of a view with the state that the server holds, where no frame or answer tells of it. */

/** @typedef {{changed: string[], cursor: string, digest?: string}} CaughtUp */

/** Reads one session's state into its view. */
export class CatchUp {
  #access;
  #view;

  /** @param {import("./access.js").Access} access @param {import("./view.js").SessionView} view */
  constructor(access, view) {
    this.#access = access;
    this.#view = view;
  }

  /** @returns {Promise<any>} the members of `GET /context`. */
  read() {
    return this.#access.request("GET", "context");
  }

  /** Show what the server holds. @returns {Promise<CaughtUp>} `changed`: the fields that look different now. */
  async run() {
    const told = await this.read();
    return { changed: this.#view.catchUp(told, "snapshot"), cursor: told.cursor, digest: told.digest };
  }

  /** Show what the server holds, behind an answer that does not tell it. */
  async afterwards() {
    try {
      this.#view.catchUp(await this.read(), "ack");
    } catch {
      // A page that cannot ask now learns it from the snapshot of its next connection.
    }
  }
}
