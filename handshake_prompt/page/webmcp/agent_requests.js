/**
 * HTTP requests of an agent in the page: with the session's token and without the person's cookie, so that what they may
 * do is what any agent may (SPEC.md section 3).
 */

import { backoff } from "../client/connection.js";
import { HandshakeError } from "../client/requests.js";

const TIMEOUT = 15_000;
/** Attempts for a request whose answer is lost, or that finds the server away. */
const TRIES = 3;
/** What the person is told of who it is; a browser does not tell a page. */
const NAME = "The agent of this browser";

/** The agent's access to one session, as long as its token lasts. */
export class AgentRequests {
  #urls;
  #token;
  #signal;

  /** @param {Record<string, string>} urls of the session. @param {string} token @param {AbortSignal} signal ends it. */
  constructor(urls, token, signal) {
    this.#urls = urls;
    this.#token = token;
    this.#signal = signal;
  }

  /**
   * @param {string} name of the URL.
   * @param {Record<string, any>} [query]
   * @returns {Promise<any>} the members of the reply.
   * @throws {HandshakeError | TypeError | DOMException}
   */
  get(name, query = {}) {
    const url = new URL(this.#urls[name]);
    for (const [member, value] of Object.entries(query)) if (value != null) url.searchParams.set(member, String(value));
    return this.#persist(() => this.#send(url, { method: "GET" }, (query.wait ?? 0) * 1000));
  }

  /** Write, once however often it is sent. @param {string} name @param {object} body @returns {Promise<any>} */
  post(name, body) {
    const key = crypto.randomUUID();
    return this.#persist(() => this.#send(this.#urls[name], posted(body, { "Idempotency-Key": key })));
  }

  /** Write, without another attempt: the endpoint would do it twice. @param {string} name @param {object} body */
  postOnce(name, body) {
    return this.#send(this.#urls[name], posted(body));
  }

  /** @param {string | URL} url @param {any} options @param {number} [patience] in milliseconds, on top of the usual. */
  async #send(url, { headers, ...options }, patience = 0) {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT + patience)]);
    const own = { "X-Handshake-Token": this.#token, "X-Agent-Name": NAME };
    /** @type {RequestInit} */
    const careful = { credentials: "omit", cache: "no-store", redirect: "error" };
    const response = await fetch(url, { ...options, ...careful, headers: { ...headers, ...own }, signal });
    const reply = await response.json().catch(() => null);
    if (!response.ok || reply === null) throw new HandshakeError(response.status, reply ?? { code: "no_answer" });
    return reply;
  }

  /** @param {() => Promise<any>} attempt */
  async #persist(attempt) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (tries === TRIES || this.#signal.aborted || !isPassing(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, backoff(tries)));
      }
    }
  }
}

/** @param {object} body @param {Record<string, string>} [headers] */
function posted(body, headers = {}) {
  return { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } };
}

/** Whether the next attempt may do better at once: not where the server has named a pause. @param {any} error */
function isPassing(error) {
  return error instanceof HandshakeError ? error.status >= 502 && error.retryable : error instanceof TypeError;
}
