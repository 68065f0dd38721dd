/**
 * The page's side of a handshake session: one ES module, no dependencies.
 *
 *     const session = await HandshakeSession.create({ mode: "form-fill", schema, context });
 *     session.addEventListener("field", ({ detail }) => draw(detail.key, detail.record));
 *     session.connect();
 *     await session.copyPrompt();
 *
 * Events are CustomEvents with the frame as `detail`, in the order the server sent them: `connected action edit done
 * extended rotated agent ack error expiring expired revoked draining`. Two more are made here:
 *
 * - `field {key, record, cause}`: an entry of `session.fields` has changed. Draw from this one; it already knows that
 *   an older value never replaces a newer one, and that what the person is still sending wins over what arrives.
 * - `state {state, final, code}`: `connecting`, `open`, `waiting` (for the next attempt) or `closed`.
 *
 * The person is proven by the session's cookie (or the user token on another origin), never by the agent's token.
 */

/** @typedef {"empty" | "default" | "user" | "user_edit" | "ai"} Author */
/** @typedef {{value: any, by: Author, at: string | null, rev: number, pending?: boolean}} FieldRecord */
/** @typedef {{id: string, mode: string, urls: Record<string, string>}} SavedSession */
/** @typedef {{ref: string, release: boolean, value?: any, sent: boolean}} Operation */

const PROTOCOL = "hpp.v1";
const REQUEST_TIMEOUT = 15_000;
/** From opening a socket to its `connected` frame. */
const CONNECT_TIMEOUT = 10_000;
/** Silence of this many keepalive periods means a dead socket: the server speaks at least once in each. */
const SILENT_PERIODS = 2.5;
const BACKOFF_BASE = 500;
const BACKOFF_CEILING = 30_000;
/** A connection that held this long was a good one: the next failure starts the back-off anew. */
const STABLE_AFTER = 5_000;
/** Three bytes of UTF-8 each at most, so the frame stays under the server's 64 KiB; anything longer goes by POST. */
const FRAME_CHARS = 20_000;
/** Browsers refuse `keepalive` requests above 64 KiB in all; small ones outlive a page that is being left. */
const KEEPALIVE_CHARS = 8_000;
const ENDED = 4410;

/** What an edit by the person makes of a field, by its author so far. The server has the last word in its `ack`. */
const AFTER_EDIT = { empty: "user", default: "user", user: "user", ai: "user_edit", user_edit: "user_edit" };
const AFTER_RELEASE = { empty: "empty", default: "default", user: "default", ai: "ai", user_edit: "default" };
const EMPTY = Object.freeze({ value: null, by: "empty", at: null, rev: 0 });

/** A request the server refused. */
export class HandshakeError extends Error {
  /**
   * @param {number} status the HTTP status.
   * @param {{code?: string, detail?: string, error?: string, retryable?: boolean}} problem the reply's body.
   */
  constructor(status, problem) {
    super(problem.detail ?? problem.error ?? `The server answered ${status}.`);
    this.name = "HandshakeError";
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.retryable = problem.retryable ?? (status === 429 || status >= 500);
  }
}

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
    return text.then ? text.then(copyThroughSelection, () => false) : copyThroughSelection(text);
  }
}

/** The Clipboard API needs a secure context and a permission; selecting and copying needs neither. */
function copyThroughSelection(text) {
  const focused = document.activeElement;
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

async function request(method, url, { body, userToken, options = {} } = {}) {
  const headers = new Headers(options.headers);
  const text = body === undefined ? undefined : JSON.stringify(body);
  if (text !== undefined) headers.set("Content-Type", "application/json");
  if (userToken) headers.set("X-Handshake-User-Token", userToken);
  const keepalive = method === "POST" && text.length < KEEPALIVE_CHARS;
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT);
  const own = { credentials: "include", method, headers, body: text };
  const response = await fetch(url, { keepalive, signal, ...options, ...own });
  const reply = await response.json().catch(() => ({}));
  if (!response.ok) throw new HandshakeError(response.status, reply);
  return reply;
}

/** Exponential, with full jitter: a restarted server is not met by every page at once. */
function backoff(failures) {
  return Math.random() * Math.min(BACKOFF_CEILING, BACKOFF_BASE * 2 ** failures);
}

/** One session, as the person's page sees it. Made by `create` or `resume`. */
export class HandshakeSession extends EventTarget {
  /** @type {Map<string, FieldRecord>} What the page should show, by key; `pending` marks what is not stored yet. */
  fields = new Map();
  /** @type {string | null} The text for the agent; null after `resume`, since the agent's token is not kept. */
  prompt = null;
  /** @type {string | null} The agent's token, for a page that words its own prompt; null after `resume`. */
  token = null;
  state = "closed";

  /** @type {Map<string, FieldRecord>} What the server is known to hold. */
  #stored = new Map();
  /** @type {Map<string, Operation[]>} The person's writes that are not acknowledged, oldest first. */
  #pending = new Map();
  /** @type {Map<string, {seq: number, by: Author}>} The last acknowledged release of each field. */
  #released = new Map();
  #posting = new Set();
  #options;
  #userToken;
  #promptOption;
  #socket = null;
  #cursor = null;
  #seq = 0;
  #refs = 0;
  #keepalive = 25;
  #openedAt = 0;
  #failures = 0;
  #retries = 0;
  #drainFor = 0;
  #final = false;
  #expiresAt = null;
  #watchdog = null;
  #reconnectTimer = null;
  #retryTimer = null;
  #listening = null;

  /**
   * Open a session on the server.
   *
   * @param {object} [settings]
   * @param {string} [settings.base] where the server is mounted.
   * @param {string} [settings.mode]
   * @param {object[]} [settings.schema] the fields of a form.
   * @param {object} [settings.context] values the person has given: theirs, closed to the agent.
   * @param {object} [settings.defaults] values the agent may replace.
   * @param {object} [settings.meta]
   * @param {boolean | {language: string}} [settings.prompt]
   * @param {boolean} [settings.userToken] ask for a user token: for a page on another origin, which gets no cookie.
   * @param {RequestInit} [settings.fetch] options for every request, such as the host application's own headers.
   * @returns {Promise<HandshakeSession>}
   * @throws {HandshakeError} if the server refuses.
   */
  static async create({ base = "/handshake", fetch: options, prompt = true, ...body } = {}) {
    const root = new URL(base.replace(/\/*$/, "/"), document.baseURI);
    const asked = { ...body, prompt: prompt || undefined };
    const reply = await request("POST", new URL("session", root), { body: asked, options });
    const urls = {};
    for (const [member, path] of Object.entries(reply)) {
      if (member.endsWith("Url") && member !== "baseUrl") urls[member.slice(0, -3)] = new URL(path, root).href;
    }
    const saved = { id: reply.sessionId, mode: reply.mode, urls };
    const session = new HandshakeSession(saved, { fetch: options, prompt, userToken: reply.userToken });
    session.prompt = reply.prompt ?? null;
    session.token = reply.token;
    session.#learnExpiry(reply);
    return session;
  }

  /**
   * Take a session up again, for instance after a reload. Its values arrive with the first `connected`.
   *
   * @param {SavedSession} saved what `session.saved` was.
   * @param {{fetch?: RequestInit, prompt?: boolean | {language: string}, userToken?: string}} [settings]
   * @returns {HandshakeSession}
   */
  static resume(saved, settings) {
    return new HandshakeSession(saved, settings);
  }

  /** Use `create` or `resume`. */
  constructor({ id, mode, urls }, { fetch: options, prompt = true, userToken } = {}) {
    super();
    this.id = id;
    this.mode = mode;
    this.urls = urls;
    this.#options = options;
    this.#promptOption = prompt;
    this.#userToken = userToken;
  }

  /**
   * What `resume` needs, safe to keep: no credential is in it. There is no cursor either, because a page that starts
   * anew knows no values and has to begin with a snapshot.
   *
   * @returns {SavedSession}
   */
  get saved() {
    return { id: this.id, mode: this.mode, urls: this.urls };
  }

  /** @returns {string | null} the user token, if one was asked for; `resume` takes it on a page without the cookie. */
  get userToken() {
    return this.#userToken ?? null;
  }

  /** @returns {number | null} seconds the session still has, as far as this page was told. */
  get expiresIn() {
    return this.#expiresAt === null ? null : Math.max(0, (this.#expiresAt - Date.now()) / 1000);
  }

  /** Open the socket and keep it open until `close`, or until the server says that the session is over. */
  connect() {
    if (this.#final || this.#socket) return;
    clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = null;
    this.#listen();
    const url = new URL(this.urls.ws.replace(/^http/, "ws"));
    if (this.#cursor) url.searchParams.set("after", this.#cursor);
    const socket = new WebSocket(url, this.#userToken ? [PROTOCOL, `hpp.user.${this.#userToken}`] : [PROTOCOL]);
    // A socket that was given up may still speak; only the present one is listened to.
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#receive(JSON.parse(data));
      if (socket === this.#socket) this.#watch(this.#keepalive * 1000 * SILENT_PERIODS);
    };
    this.#socket = socket;
    this.#watch(CONNECT_TIMEOUT);
    this.#enter("connecting");
  }

  /** Leave the session without ending it. Edits made afterwards still reach the server, by POST. */
  close() {
    this.#disconnect();
    this.#enter("closed");
    this.#send();
  }

  /**
   * Report what the person made of a field. The field is theirs from now on.
   *
   * @returns {boolean} false if the session is over. The outcome itself comes as `ack` or `error`.
   * @throws {TypeError | SyntaxError} if the value cannot be told in JSON.
   */
  edit(key, value) {
    // As the server will see it, and as it is now: it may be sent, or sent again, when the page has changed it.
    return this.#queue(key, { release: false, value: JSON.parse(JSON.stringify(value ?? null)) });
  }

  /**
   * Let the agent write a field of the person's again. Its value stays.
   *
   * @returns {boolean} false if the session is over.
   */
  release(key) {
    return this.#queue(key, { release: true });
  }

  /** @returns {Promise<boolean>} true once the server has answered every edit, false if the session ended before. */
  async settled() {
    while (this.#pending.size > 0 && !this.#final) {
      await new Promise((resolve) => {
        const heard = new AbortController();
        const wake = () => (heard.abort(), resolve());
        for (const name of ["ack", "error", "state"]) this.addEventListener(name, wake, { signal: heard.signal });
      });
    }
    return this.#pending.size === 0;
  }

  /** Replace the agent's token and lock the old one out. @returns {Promise<string | null>} the new prompt. */
  async rotate() {
    const reply = await this.#request("POST", "rotate", { prompt: this.#promptOption || undefined });
    this.token = reply.token;
    this.prompt = reply.prompt ?? null;
    return this.prompt;
  }

  /** End the session, for the agent too. */
  async revoke() {
    await this.#request("DELETE", "session");
    // The server tells every watcher; a page without a socket tells itself.
    if (!this.#final) this.#receive({ type: "revoked" });
  }

  /** Ask for more time. @returns {Promise<number>} the seconds the session now has. */
  async extend(seconds) {
    return (await this.#request("POST", "extend", { extraSeconds: seconds })).expiresIn;
  }

  /** Read everything the server holds. @returns {Promise<object>} the members of `GET /context`. */
  context() {
    return this.#request("GET", "context");
  }

  /** Read the session's own state. @returns {Promise<object>} the members of `GET /session`. */
  info() {
    return this.#request("GET", "session");
  }

  /** Copy the prompt. @returns {Promise<boolean>} whether there was one and it could be copied. */
  async copyPrompt() {
    return this.prompt !== null && copyText(this.prompt);
  }

  async #request(method, name, body) {
    const reply = await request(method, this.urls[name], { body, userToken: this.#userToken, options: this.#options });
    this.#learnExpiry(reply);
    return reply;
  }

  #learnExpiry({ expiresIn }) {
    if (expiresIn !== undefined) this.#expiresAt = Date.now() + expiresIn * 1000;
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #enter(state, code = null) {
    this.state = state;
    this.#emit("state", { state, final: this.#final, code });
  }

  // ---- frames

  #receive(frame) {
    this.#learnExpiry(frame);
    if (frame.type === "connected") this.#welcome(frame);
    if (frame.type === "heartbeat") return;
    if (frame.type === "action" || frame.type === "edit") this.#learn(frame, frame.type);
    if (frame.type === "ack") this.#acknowledge(frame);
    if (frame.type === "error" && frame.ref) this.#refuse(frame);
    if (frame.type === "draining") this.#drainFor = frame.afterMs;
    // An ack overtakes frames that come before it in the log, so it does not move the place to resume from.
    if (frame.type !== "ack" && frame.seq > this.#seq) {
      this.#seq = frame.seq;
      this.#cursor = frame.cursor;
    }
    this.#emit(frame.type, frame);
    if (frame.type === "expired" || frame.type === "revoked") this.#end(ENDED);
  }

  #welcome({ snapshot, cursor, keepalive }) {
    const socket = this.#socket;
    this.#keepalive = keepalive ?? this.#keepalive;
    this.#openedAt = performance.now();
    if (snapshot) {
      this.#cursor = cursor;
      this.#seq = 0;
      this.#stored = new Map(Object.entries(snapshot.context ?? {}));
      this.#released.clear();
      for (const key of new Set([...this.fields.keys(), ...this.#stored.keys()])) this.#refresh(key, "snapshot");
    }
    // A listener may have closed the session.
    if (socket !== this.#socket) return;
    this.#enter("open");
    this.#send();
  }

  #learn({ key, value, by, at, seq }, cause) {
    const stored = this.#stored.get(key) ?? EMPTY;
    if (seq > stored.rev) {
      // A release that was acknowledged ahead of older frames still decides whose their value is.
      const released = this.#released.get(key);
      this.#stored.set(key, { ...stored, value, by: released?.seq > seq ? released.by : by, at, rev: seq });
    }
    this.#refresh(key, cause);
  }

  #acknowledge(ack) {
    const { key, operation } = this.#take(ack.ref);
    if (!operation) return;
    this.#retries = 0;
    if (operation.release) {
      this.#released.set(key, ack);
      this.#stored.set(key, { ...(this.#stored.get(key) ?? EMPTY), by: ack.by });
      this.#refresh(key, "ack");
    } else {
      this.#learn({ ...ack, value: operation.value }, "ack");
    }
  }

  #refuse({ ref, retryable }) {
    if (retryable) {
      this.#retry(ref);
      return;
    }
    const { key, operation } = this.#take(ref);
    if (operation) this.#refresh(key, "error");
  }

  /** Bring `fields` up to date: what the server holds, with the person's unanswered writes on top. */
  #refresh(key, cause) {
    let record = this.#stored.get(key) ?? EMPTY;
    for (const { release, value } of this.#pending.get(key) ?? []) {
      record = release
        ? { ...record, by: AFTER_RELEASE[record.by], pending: true }
        : { ...record, value, by: AFTER_EDIT[record.by], pending: true };
    }
    if (JSON.stringify(record) === JSON.stringify(this.fields.get(key))) return;
    this.fields.set(key, record);
    this.#emit("field", { key, record, cause });
  }

  // ---- the person's writes

  #queue(key, operation) {
    if (this.#final) return false;
    // What is on its way stays; what has not left is replaced, only a release must not lose the edit before it.
    const kept = (this.#pending.get(key) ?? []).filter((other) => other.sent || (operation.release && !other.release));
    this.#pending.set(key, [...kept, { ref: String(++this.#refs), sent: false, ...operation }]);
    this.#refresh(key, "local");
    this.#send();
    return true;
  }

  /** Remove the write that was answered. A refusal may name its `ref` alone. */
  #take(ref) {
    for (const [key, operations] of this.#pending) {
      const index = operations.findIndex((operation) => operation.ref === ref);
      if (index < 0) continue;
      const [operation] = operations.splice(index, 1);
      if (operations.length === 0) this.#pending.delete(key);
      return { key, operation };
    }
    return {};
  }

  /** Send what has not left yet: through the socket, or by POST while there is none and none is being opened. */
  #send() {
    if (this.#final || this.state === "connecting") return;
    for (const [key, operations] of this.#pending) {
      // Two ways to the server keep no order between them, so a field uses one at a time.
      if (this.#posting.has(key)) continue;
      for (const operation of operations.filter(({ sent }) => !sent)) {
        const { ref, release, value } = operation;
        const frame = JSON.stringify(release ? { type: "release", key, ref } : { type: "userEdit", key, value, ref });
        if (this.state !== "open" || frame.length > FRAME_CHARS) {
          this.#post(key);
          break;
        }
        operation.sent = true;
        this.#socket.send(frame);
      }
    }
  }

  async #post(key) {
    this.#posting.add(key);
    const operation = this.#pending.get(key).find(({ sent }) => !sent);
    const { ref, release, value } = operation;
    operation.sent = true;
    try {
      const reply = await this.#request("POST", "notify", release ? { key, release } : { key, value });
      this.#posting.delete(key);
      this.#receive({ at: new Date().toISOString(), ...reply, type: "ack", key, ref });
    } catch (error) {
      this.#posting.delete(key);
      if (error.status === 404) this.#end(ENDED);
      else if (error.retryable ?? true) this.#retry(ref);
      else this.#receive({ type: "error", msg: error.message, code: error.code, key, ref });
    }
    if (this.#retryTimer === null) this.#send();
  }

  /** Try again later what was refused for now. */
  #retry(ref) {
    for (const [key, operations] of this.#pending) if (operations.some((other) => other.ref === ref)) this.#recall(key);
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = null;
      this.#send();
    }, BACKOFF_BASE + backoff(this.#retries++));
  }

  /** Take what was on its way for lost, to be sent again: of a field only the newest value. */
  #recall(key) {
    if (this.#posting.has(key)) return;
    const operations = this.#pending.get(key);
    const newest = operations.findLastIndex(({ release }) => !release);
    this.#pending.set(key, operations.slice(newest).map((operation) => ({ ...operation, sent: false })));
  }

  // ---- the connection

  #watch(milliseconds) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost(1006), milliseconds);
  }

  #lost(code) {
    if (code >= 4400 && code < 4500) {
      this.#end(code);
      return;
    }
    if (this.state === "open" && performance.now() - this.#openedAt > STABLE_AFTER) this.#failures = 0;
    this.#dropSocket();
    const delay = this.#drainFor + backoff(this.#failures++);
    this.#drainFor = 0;
    this.#reconnectTimer = setTimeout(() => {
      this.#reconnectTimer = null;
      this.#reconnect();
    }, delay);
    this.#enter("waiting", code);
    this.#send();
  }

  #reconnect() {
    if (!document.hidden && this.state === "waiting" && this.#reconnectTimer === null) this.connect();
  }

  #listen() {
    if (this.#listening) return;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const atOnce = () => {
      clearTimeout(this.#reconnectTimer);
      this.#reconnectTimer = null;
      this.#reconnect();
    };
    document.addEventListener("visibilitychange", atOnce, { signal });
    window.addEventListener("online", atOnce, { signal });
  }

  #end(code) {
    if (this.#final) return;
    this.#final = true;
    clearTimeout(this.#retryTimer);
    this.#disconnect();
    this.#enter("closed", code);
  }

  #disconnect() {
    clearTimeout(this.#reconnectTimer);
    this.#listening?.abort();
    this.#listening = null;
    this.#dropSocket();
  }

  #dropSocket() {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const key of this.#pending.keys()) this.#recall(key);
  }
}
