/** HTTP requests of a page to its server, and their refusals. SPEC.md sections 4 and 9. */

const TIMEOUT = 15_000;
/** Browsers refuse `keepalive` requests above 64 KiB in all; small ones outlive a page that is being left. */
const KEEPALIVE_CHARS = 8_000;
/** Codes that only the holder of a credential is told, or that leave nothing to ask for. */
const OVER = new Set(["session_expired", "session_revoked", "session_closed", "session_submitted", "session_not_found"]);

/** @typedef {{code?: string, detail?: string, error?: string, retryable?: boolean, retryAfter?: number, problems?: any[], unread?: any[], nextSteps?: string[]}} Problem */

/** A request that was refused, or was answered by something that is not the protocol's server. */
export class HandshakeError extends Error {
  /**
   * @param {number} status the HTTP status.
   * @param {Problem} problem the reply's body.
   */
  constructor(status, problem) {
    super(problem.detail ?? problem.error ?? `The server answered ${status}.`);
    this.name = "HandshakeError";
    this.status = status;
    this.code = problem.code ?? "unknown";
    // A 404 without a code comes from a proxy whose server is away, not from the protocol.
    this.retryable = problem.retryable ?? (status === 429 || status >= 500 || (status === 404 && !problem.code));
    /** @type {number | null} seconds after which the same request may succeed. */
    this.retryAfter = problem.retryAfter ?? null;
    /** @type {{keys: string[], msg: string}[]} what is wrong with a form that was submitted. */
    this.problems = problem.problems ?? [];
    /** @type {string[]} advice on what to do. */
    this.nextSteps = problem.nextSteps ?? [];
    /** @type {import("./paste.js").UnreadLine[]} of a pasted text in which there is no answer. */
    this.unread = problem.unread ?? [];
  }

  /** Whether the session has ended, or is none. */
  get isOver() {
    return OVER.has(this.code);
  }

  /** Whether the server did not take the page for the person's, which says nothing of the request itself. */
  get isUnproven() {
    return this.status === 401 || (this.status === 403 && this.code !== "denied");
  }
}

/**
 * Add the way out to a refused credential where the browser is likely to have kept the cookie back: `SameSite=Strict`
 * cookies are neither stored nor sent in a frame of another site.
 *
 * @template {{[member: string]: any}} T a problem document, or an `error` frame.
 * @param {T} problem
 * @param {string | URL} url where the request went.
 * @param {string | undefined} userToken
 * @returns {T}
 */
export function advised(problem, url, userToken) {
  const isForeign = globalThis.top !== globalThis.self || new URL(url).host !== location.host;
  if (problem.code !== "invalid_token" || userToken || !isForeign) return problem;
  const member = "msg" in problem ? "msg" : "detail";
  const advice = "In another site's frame, or on another origin, a page gets no cookie: create with userToken: true.";
  return { ...problem, [member]: `${problem[member] ?? "The credential was refused."} ${advice}` };
}

/**
 * Send a request as the person and return the members of the reply.
 *
 * @param {string} method
 * @param {string | URL} url
 * @param {{body?: object, userToken?: string, options?: RequestInit, timeout?: number}} [settings]
 * @returns {Promise<any>} with `replayed` if they are those of the same request before.
 * @throws {HandshakeError} if it is refused.
 * @throws {TypeError | DOMException} if nobody answers.
 */
export async function request(method, url, { body, userToken, options = {}, timeout = TIMEOUT } = {}) {
  const headers = new Headers(options.headers);
  const text = body === undefined ? undefined : JSON.stringify(body);
  if (text !== undefined) headers.set("Content-Type", "application/json");
  if (userToken) headers.set("X-Handshake-User-Token", userToken);
  const keepalive = text !== undefined && text.length < KEEPALIVE_CHARS;
  const signal = AbortSignal.timeout(timeout);
  /** @type {RequestInit} */
  const own = { credentials: "include", cache: "no-store", method, headers, body: text };
  const response = await fetch(uncached(method, url), { keepalive, signal, ...options, ...own });
  const reply = await response.json().catch(() => null);
  if (!response.ok) throw new HandshakeError(response.status, advised(reply ?? {}, url, userToken));
  // A login page that the host sent instead, or a network's own page: nothing was carried out.
  if (reply === null) throw foreign();
  return response.headers.has("Idempotency-Replayed") ? { ...reply, replayed: true } : reply;
}

/** @returns {HandshakeError} the refusal of an answer that is another server's. */
export function foreign() {
  return new HandshakeError(502, { detail: "The answer is not the protocol's.", code: "no_answer" });
}

/** A service worker may answer from a cache of its own, which asks by URL alone: give it one that it does not know. */
function uncached(method, url) {
  const fresh = new URL(url);
  if (method === "GET" && navigator.serviceWorker?.controller) fresh.searchParams.set("at", Date.now().toString(36));
  return fresh;
}
