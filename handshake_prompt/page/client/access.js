/**
 * Access of the person's page to one session over HTTP: where it is opened and reached, by which proof, and how long it
 * still lives. SPEC.md sections 3 and 4.
 */

import { HandshakeError, advised, foreign, request } from "./requests.js";

/** @typedef {{id: string, mode: string, urls: Record<string, string>}} SavedSession */
/** @typedef {import("./connection.js").Frame} Frame */

/**
 * Open a session on the server.
 *
 * @param {string} base where the server is mounted.
 * @param {object} body
 * @param {RequestInit} [options]
 * @returns {Promise<{saved: SavedSession, reply: any}>}
 * @throws {HandshakeError} if the server refuses.
 */
export async function openSession(base, body, options) {
  const root = new URL(base.replace(/\/*$/, "/"), document.baseURI);
  const reply = await request("POST", new URL("session", root), { body, options }).catch((error) => {
    throw isElsewhere(error) ? new HandshakeError(404, { detail: `There is no handshake server at ${root.href}` }) : error;
  });
  if (typeof reply.sessionId !== "string") throw foreign();
  /** @type {Record<string, string>} */
  const urls = {};
  for (const [member, path] of Object.entries(reply)) {
    if (member.endsWith("Url") && member !== "baseUrl") urls[member.slice(0, -3)] = new URL(path, root).href;
  }
  return { saved: { id: reply.sessionId, mode: reply.mode, urls }, reply };
}

/** @param {unknown} error @returns {boolean} whether an address was answered by something else than the protocol. */
function isElsewhere(error) {
  return error instanceof HandshakeError && error.status === 404 && error.code === "unknown";
}

/** The access to one session. */
export class Access {
  #urls;
  #options;
  #ended;
  /** @type {number | null} */
  #expiresAt = null;

  /**
   * @param {Record<string, string>} urls
   * @param {{options?: RequestInit, userToken?: string}} proof
   * @param {(code: string) => void} ended a refusal says that the session is over.
   */
  constructor(urls, { options, userToken }, ended) {
    this.#urls = urls;
    this.#options = options;
    this.#ended = ended;
    this.userToken = userToken;
  }

  /** @returns {number | null} seconds the session still has, as far as this page was told. */
  get expiresIn() {
    return this.#expiresAt === null ? null : Math.max(0, (this.#expiresAt - Date.now()) / 1000);
  }

  /** @param {any} told a reply or a frame. */
  learnExpiry({ expiresIn }) {
    if (expiresIn !== undefined) this.#expiresAt = Date.now() + expiresIn * 1000;
  }

  /**
   * @param {string} method
   * @param {string} name of the URL.
   * @param {{body?: object, timeout?: number, path?: string}} [settings] `path` goes behind the URL.
   * @returns {Promise<any>} the members of the reply.
   * @throws {HandshakeError} if the server refuses.
   */
  async request(method, name, { body, timeout, path = "" } = {}) {
    const settings = { body, timeout, userToken: this.userToken, options: this.#options };
    try {
      const reply = await request(method, this.#urls[name] + path, settings);
      this.learnExpiry(reply);
      return reply;
    } catch (error) {
      if (error instanceof HandshakeError && error.isOver) this.#ended(error.code);
      throw error;
    }
  }

  /** The bounds of the server, which it tells at the root of its mount. */
  async limits() {
    const { limits } = await request("GET", new URL("../", this.#urls.session), { options: this.#options });
    return { valueBytes: limits?.valueBytes ?? Infinity };
  }

  /** Where to connect to, and as whom. @param {string | null} cursor the place in the log to resume from. */
  socket(cursor) {
    const url = new URL(this.#urls.ws.replace(/^http/, "ws"));
    if (cursor) url.searchParams.set("after", cursor);
    if (document.hidden) url.searchParams.set("visible", "false");
    return { url, userToken: this.userToken };
  }

  /** Add the way out to a refused connection. @param {Frame} refusal */
  advised(refusal) {
    return advised(refusal, this.#urls.session, this.userToken);
  }
}
