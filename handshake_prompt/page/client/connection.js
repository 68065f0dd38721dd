/**
 * Self-healing WebSocket connection: exponential back-off with full jitter, a watchdog for silence, and a probe at the
 * page's return, since neither sleep nor a lost NAT entry closes a socket. SPEC.md section 7.
 */

const PROTOCOL = "hpp.v1";
/** From opening a socket to its `connected` frame. */
const CONNECT_TIMEOUT = 10_000;
/** A probe is answered within this or the socket is dead; with a new connection a page is live again within 5 s. */
const PROBE_TIMEOUT = 2_000;
/** Silence of this many keepalive periods means a dead socket: the server speaks at least once in each. */
const SILENT_PERIODS = 2.5;
const BACKOFF_BASE = 500;
const BACKOFF_CEILING = 30_000;
/** A connection that held this long was a good one: the next failure starts the back-off anew. */
const STABLE_AFTER = 5_000;
/** Failures that a verdict counts for while the session goes on: half a minute between two attempts, at most. */
const VERDICT_FAILURES = 6;
const TICK = 2_000;
/** Timers stand still while a machine sleeps: a tick that is this late was slept over. */
const SLEPT = 5_000;
/** How soon a proof that was refused is offered again when the person comes back. */
const UNPROVEN_PAUSE = 10_000;

/** Marks a probe and its answer. A server without probes answers with an error, which is a sign of life too. */
const PROBE = "probe";

/** The session has ended. */
export const OVER = 4410;
/** The server does not take the page for the person's; the session may well go on. */
const UNPROVEN = new Set([4401, 4403]);
const isFinal = (code) => code >= 4400 && code < 4500;

/** @typedef {"connecting" | "open" | "waiting" | "closed"} ConnectionState */
/** @typedef {{type: string, [member: string]: any}} Frame */
/**
 * @typedef {object} Listener the session, as its connection sees it.
 * @property {() => {url: URL, userToken?: string}} address where to connect to, and as whom.
 * @property {(frame: Frame) => void} received
 * @property {(state: ConnectionState, code: number | null) => void} changed
 * @property {(code: number) => void} ended the close code says that the session is over.
 * @property {() => void} doubted the close code is final and says something else: the session is to be asked for.
 */

/** @returns {number} milliseconds to wait. With full jitter a restarted server is not met by every page at once. */
export function backoff(failures) {
  return Math.random() * Math.min(BACKOFF_CEILING, BACKOFF_BASE * 2 ** failures);
}

/** The connection of one session. */
export class Connection {
  /** @type {ConnectionState} */
  state = "closed";

  /** @type {Listener} */
  #listener;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {WebSocket | null} The socket of the last frame. */
  #speaking = null;
  #keepalive = 25;
  #startedAt = 0;
  #openedAt = 0;
  #failures = 0;
  #drainFor = 0;
  #unproven = false;
  #probing = false;
  /** What the server was told last. */
  #wasHidden = false;
  #watchdog = 0;
  #reconnectTimer = 0;
  /** @type {AbortController | null} */
  #listening = null;

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /** Open a socket, unless there is one, and keep one open until `close`. */
  open() {
    if (this.#socket) return;
    this.#listen();
    this.#connect();
  }

  /** Close the socket and open none any more. @param {number | null} [code] why, if it is the server's will. */
  close(code = null) {
    this.#listening?.abort();
    this.#listening = null;
    this.#unproven = false;
    this.#drop();
    this.#enter("closed", code);
  }

  /** Note that the frame being received lets the page in. @param {number | undefined} keepalive seconds. */
  welcomed(keepalive) {
    if (this.#speaking !== this.#socket) return; // a listener has closed it
    this.#keepalive = keepalive ?? this.#keepalive;
    if (this.state === "open") return; // a snapshot that takes the place of frames
    this.#openedAt = Date.now();
    this.#unproven = false;
    if (document.hidden !== this.#wasHidden) this.#ping();
    this.#enter("open");
  }

  /** Leave the server alone for a while once it has closed. @param {number} milliseconds */
  drains(milliseconds) {
    this.#drainFor = milliseconds;
  }

  /** @param {string} frame */
  send(frame) {
    this.#socket?.send(frame);
  }

  /** Ask for a sign of life. Whatever the server says next is one. */
  probe() {
    if (this.state !== "open" || this.#probing) return;
    this.#probing = true;
    this.#ping();
    this.#watch(PROBE_TIMEOUT);
  }

  /** Take the socket for dead and connect anew at once. */
  renew() {
    if (this.state !== "open" && this.state !== "connecting") return;
    this.#drop();
    this.#enter("waiting", 1006);
    this.#reconnect();
  }

  /** @param {ConnectionState} state @param {number | null} [code] */
  #enter(state, code = null) {
    this.state = state;
    this.#listener.changed(state, code);
  }

  /** Say whether the page is in view, which any answer shows to have arrived. */
  #ping() {
    this.#wasHidden = document.hidden;
    this.send(JSON.stringify({ type: "ping", ref: PROBE, visible: !document.hidden }));
  }

  #connect() {
    clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = 0;
    this.#wasHidden = document.hidden;
    const { url, userToken } = this.#listener.address();
    const socket = new WebSocket(url, userToken ? [PROTOCOL, `hpp.user.${userToken}`] : [PROTOCOL]);
    // A socket that was given up may still speak; only the present one is listened to.
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#probing = false;
      const frame = JSON.parse(data);
      this.#speaking = socket;
      if (frame.ref !== PROBE) this.#listener.received(frame);
      if (socket === this.#socket) this.#watch(this.#keepalive * 1000 * SILENT_PERIODS);
    };
    this.#socket = socket;
    this.#startedAt = Date.now();
    this.#watch(CONNECT_TIMEOUT);
    this.#enter("connecting");
  }

  /** @param {number} milliseconds of silence that are one too many. */
  #watch(milliseconds) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => (this.#probing ? this.renew() : this.#lost(1006)), milliseconds);
  }

  /** @param {number} code */
  #lost(code) {
    const held = this.state === "open" ? Date.now() - this.#openedAt : 0;
    if (held > STABLE_AFTER) this.#failures = 0;
    this.#drop();
    if (code === OVER) {
      this.#listener.ended(code);
    } else if (UNPROVEN.has(code)) {
      // Each attempt counts as a wrong credential; the next one is made when the person comes back.
      this.#unproven = true;
      this.#enter("closed", code);
    } else {
      this.#wait(code);
    }
  }

  /** Wait for the next attempt. @param {number} code */
  #wait(code) {
    if (isFinal(code)) this.#failures = Math.max(this.#failures, VERDICT_FAILURES);
    const delay = this.#drainFor + backoff(this.#failures++);
    this.#drainFor = 0;
    this.#reconnectTimer = setTimeout(() => {
      this.#reconnectTimer = 0;
      this.#reconnect();
    }, delay);
    this.#enter("waiting", code);
    if (isFinal(code)) this.#listener.doubted();
  }

  #reconnect() {
    if (!document.hidden && this.state === "waiting" && this.#reconnectTimer === 0) this.#connect();
  }

  /** The person, or the network, is back: an old socket may be dead, and a wait has been long enough. */
  #resume() {
    if (document.hidden) return this.#hide();
    const age = Date.now() - this.#startedAt;
    if (this.state === "open") this.probe();
    if (this.state === "connecting" && age > PROBE_TIMEOUT) this.renew();
    if (this.state === "closed" && this.#unproven && age > UNPROVEN_PAUSE) this.#connect();
    if (this.state !== "waiting") return;
    clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = 0;
    this.#reconnect();
  }

  /** The person has turned to something else. Timers of a page out of view are no measure: nothing is waited for. */
  #hide() {
    if (this.state === "open" && !this.#wasHidden) this.#ping();
  }

  #listen() {
    if (this.#listening) return;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const resume = () => this.#resume();
    document.addEventListener("visibilitychange", resume, { signal });
    for (const name of ["online", "pageshow", "focus"]) addEventListener(name, resume, { signal });
    let tickedAt = Date.now();
    const ticking = setInterval(() => {
      const late = Date.now() - tickedAt;
      tickedAt = Date.now();
      if (late > SLEPT) resume();
    }, TICK);
    signal.addEventListener("abort", () => clearInterval(ticking));
  }

  #drop() {
    clearTimeout(this.#watchdog);
    clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = 0;
    this.#probing = false;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
