/** Catching up of a view with the state that the server holds, where no frame or answer tells of it. */

/** @typedef {{cursor: string, digest?: string}} Place what stands for the state that the view has caught up with. */

/** Reads one session's state into its view. */
export class CatchUp {
  #access;
  #view;
  /** @type {Promise<void>} The latest reading behind an answer. */
  #reading = Promise.resolve();
  /** @type {Promise<void> | null} The one that follows, for all answers since. */
  #next = null;

  /** @param {import("./access.js").Access} access @param {import("./view.js").SessionView} view */
  constructor(access, view) {
    this.#access = access;
    this.#view = view;
  }

  /** @returns {Promise<any>} the members of `GET /context`. */
  read() {
    return this.#access.request("GET", "context");
  }

  /** Show what the server holds. @returns {Promise<Place>} */
  async run() {
    const told = await this.read();
    this.#view.catchUp(told, "snapshot");
    return { cursor: told.cursor, digest: told.digest };
  }

  /**
   * Show what the server holds, behind an answer that does not tell it. Answers that come while it is being read wait for
   * the next reading, one for all of them (single flight).
   *
   * @returns {Promise<void>}
   */
  afterwards() {
    this.#next ??= this.#reading.then(() => {
      this.#next = null;
      return (this.#reading = this.#read());
    });
    return this.#next;
  }

  async #read() {
    try {
      this.#view.catchUp(await this.read(), "ack");
    } catch {
      // A page that cannot ask now learns it from the snapshot of its next connection.
    }
  }
}
