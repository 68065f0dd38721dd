/**
 * One tag that hands an existing form to the person's own AI agent:
 *
 *     <script type="module" src="/handshake/element.js"></script>
 *     <form id="claim">…</form>
 *     <handshake-prompt for="claim"></handshake-prompt>
 *
 * Attributes: `for`, the form's id (else the form around the tag); `name`, a form the host application has registered;
 * `base`, where the server is mounted (`/handshake`); `mode`; `lang`, `en` or `zh`. Parts to style: `panel button status
 * prompt attention action link beacon`. Events: `session`, whenever `element.session` has become another one or none.
 */

import { HandshakeError, HandshakeSession, copyText } from "./client.js";
import { nextTask } from "./client/tasks.js";
import { AgentReport } from "./element/agent_report.js";
import { announce } from "./element/announcement.js";
import { Attention } from "./element/attention.js";
import { Beacon } from "./element/beacon.js";
import { FieldList } from "./element/field_list.js";
import { fieldsOf, labelOf } from "./element/field_facts.js";
import { FirstValues, release } from "./element/first_values.js";
import { HandOver } from "./element/hand_over.js";
import { ElementBase, define } from "./element/make.js";
import { mark } from "./element/marks.js";
import { Missing, Offers, Problems } from "./element/notices.js";
import { Panel } from "./element/panel.js";
import { PasteBox } from "./element/paste_box.js";
import { PickupBox } from "./element/pickup_box.js";
import { RequestList } from "./element/request_list.js";
import { pathOf, save, saveSubmitted, saved } from "./element/saved_session.js";
import { SessionActs } from "./element/session_acts.js";
import { nameSession } from "./element/session_members.js";
import { Texts } from "./element/texts.js";
import { listen, rootOf } from "./form/clobbering.js";
import { FormBinding, schemaOf } from "./form.js";
import { provideTools } from "./webmcp.js";

/** @typedef {import("./element/panel.js").State} State */

/** The parts of the panel, in their order. @type {import("./element/panel.js").PartClass[]} */
const PARTS = [
  ...[RequestList, Offers, HandOver, PickupBox, PasteBox], // what waits for the person comes first
  ...[AgentReport, Problems, Missing, FieldList, SessionActs, Beacon],
];
/** How often the time that is left is told, in milliseconds. */
const TICK = 5_000;

/** @type {WeakMap<HTMLFormElement, HandshakePrompt>} The tags that hold a session for a form: each has one, whatever its tags. */
const holders = new WeakMap();

export class HandshakePrompt extends ElementBase {
  /** @type {HandshakeSession | null} */
  session = null;
  /** @type {FormBinding | null} The form's controls, while there is a session. */
  binding = null;

  /** @type {HTMLFormElement | null} */
  #form = null;
  #texts = new Texts("en");
  /** @type {Panel | null} */
  #panel = null;
  /** @type {State} */
  #state = { session: null, binding: null, status: "", held: [], prompt: null, isCopied: null, isTaken: false, isBusy: false, report: [] };
  /** @type {[import("./element/texts.js").Name, Record<string, string | number>?]} How things stand. */
  #told = ["idle"];
  #isDrawing = false;
  /** @type {Attention | null} */
  #attention = null;
  #gone = new AbortController();
  /** Ends with the session's stay in this tag. */
  #left = new AbortController();
  #values = new FirstValues();
  #written = 0;
  #ticker = 0;
  /** @type {Promise<HandshakeSession> | null} */
  #opening = null;

  connectedCallback() {
    this.#gone = new AbortController();
    this.#attention = new Attention(this.#gone.signal);
    this.#told = ["idle"];
    this.#furnish();
    const observer = new MutationObserver(() => Texts.around(this).language === this.#texts.language || this.#furnish());
    observer.observe(document, { attributeFilter: ["lang"], subtree: true });
    this.#gone.signal.addEventListener("abort", () => observer.disconnect());
    this.#attend();
  }

  /** Draw the panel in the page's language. */
  #furnish() {
    this.#texts = Texts.around(this);
    const acts = {
      handOver: () => this.#run(() => this.handOver()),
      open: (/** @type {(session: HandshakeSession) => Promise<any>} */ work) => this.#run(() => this.open().then(work)),
      rotate: () => this.#run(() => this.#offerPrompt(this.#held.rotate())),
      run: (/** @type {(session: HandshakeSession) => Promise<any>} */ work) => this.#run(() => work(this.#held)),
      accept: (/** @type {string} */ key) => this.binding?.accept(key),
      report: (/** @type {string | undefined} */ text, isAnew = false) => {
        if (text) this.#show({ report: [...(isAnew ? [] : this.#state.report), text] });
      },
      focus: (/** @type {string} */ key) => this.binding?.controlsOf(key)[0]?.focus(),
    };
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    this.#panel = new Panel(root, this.#texts.language, PARTS.map((Part) => new Part(this.#texts, acts)));
    this.#tell(...this.#told);
    this.#draw();
  }

  disconnectedCallback() {
    this.#gone.abort();
    this.#leave();
  }

  /** @returns {HTMLFormElement | null} the form that is handed over. */
  get form() {
    const id = this.getAttribute("for");
    const found = id ? rootOf(this).getElementById(id) : this.closest("form");
    return found instanceof HTMLFormElement ? found : null;
  }

  /**
   * Open a session for the form if there is none, and copy its prompt. Call it inside a click, or nothing may be copied.
   *
   * @throws {import("./client.js").HandshakeError} if the server refuses.
   */
  async handOver() {
    if (this.#holder !== this) return this.#holder.handOver();
    const prompt = this.#isUnproven ? null : this.session?.prompt;
    await this.#offerPrompt(prompt ?? this.open().then((session) => session.prompt ?? session.rotate()));
  }

  /**
   * @returns {Promise<HandshakeSession>} the session, opened for the form if there is none that is this page's.
   * @throws {import("./client.js").HandshakeError} if the server refuses.
   */
  async open() {
    if (this.#holder !== this) return this.#holder.open();
    if (this.session && !this.#isUnproven) return this.session;
    return (this.#opening ??= this.#open().finally(() => (this.#opening = null)));
  }

  /** @returns {HandshakePrompt} the tag of this form that has its session. */
  get #holder() {
    return (this.#form && holders.get(this.#form)) ?? this;
  }

  /** Whether the server does not take the page for the session's any more. */
  get #isUnproven() {
    return this.session?.state === "closed";
  }

  /** The session, by those who need one. */
  get #held() {
    if (!this.session) throw new Error(this.#texts.say("revoked"));
    return this.session;
  }

  /** @returns {string} what the form is called in this tab. */
  get #place() {
    return this.getAttribute("for") ?? this.getAttribute("name") ?? "";
  }

  // ---- the form

  /** Wait for the form to be there, and take up the session that the tab had before a reload. */
  #attend() {
    const { signal } = this.#gone;
    const root = rootOf(this);
    this.#form = null;
    this.#values.attend(root, signal, () => this.form);
    root.addEventListener("submit", (/** @type {any} */ event) => this.#submit(event), { signal, capture: true });
    const observer = new MutationObserver(() => this.#seek());
    observer.observe(root, { childList: true, subtree: true });
    signal.addEventListener("abort", () => observer.disconnect());
    this.#seek();
  }

  /** Take the form that the page has now: it may come late, and scripts replace it with another one. */
  #seek() {
    const { form } = this;
    if (!form || form === this.#form) return;
    const isFirst = this.#form === null;
    this.#form = form;
    const name = (/** @type {any} */ { formData }) => nameSession(formData, this.session);
    listen(form, "formdata", name, { signal: this.#gone.signal });
    const kept = isFirst && this.#holder === this ? saved(this.#place) : null;
    if (kept) this.#resume(kept);
    if (!this.session || !this.binding) return;
    holders.set(form, this);
    this.binding.stop();
    this.#bind(this.#values.restored(form, this.session));
  }

  async #open() {
    this.#seek();
    const form = this.#form;
    if (!form) throw new Error(`There is no form "${this.getAttribute("for") ?? ""}" in this page.`);
    const name = this.getAttribute("name");
    const base = this.getAttribute("base") ?? "/handshake";
    const schema = name ? await fieldsOf(base, name) : schemaOf(form);
    if (this.session) this.#end("unproven");
    const values = this.#values.given(form, schema);
    const open = this.#values.openIn(form, schema);
    const opened = name ? { form: name } : { mode: this.getAttribute("mode") ?? "form-fill", schema };
    const prompt = { language: this.#texts.language };
    const session = await HandshakeSession.create({ base, prompt, ...opened, ...values });
    session.schema = schema;
    this.#hold(session);
    session.addEventListener("connected", () => release(session, open), { once: true });
    this.#bind({ ...values.defaults, ...values.context });
    this.#tell("waiting");
    return session;
  }

  /** @param {import("./client.js").SavedSession} kept */
  #resume(kept) {
    const session = HandshakeSession.resume(kept, { prompt: { language: this.#texts.language } });
    const form = /** @type {HTMLFormElement} */ (this.#form);
    this.#hold(session);
    const begin = () => this.binding ?? this.#bind(this.#values.restored(form, session));
    session.addEventListener("connected", begin, { once: true });
    this.#tell("resumed");
  }

  /** @param {Record<string, any>} given */
  #bind(given) {
    this.binding = new FormBinding(this.#held, /** @type {HTMLFormElement} */ (this.#form), given, {
      follow: !this.hasAttribute("name"),
    });
    for (const name of ["offer", "change"]) this.binding.addEventListener(name, () => this.#show());
    this.#show();
  }

  // ---- the session

  /** @param {HandshakeSession} session */
  #hold(session) {
    this.session = session;
    holders.set(/** @type {HTMLFormElement} */ (this.#form), this);
    this.#written = 0;
    save(this.#place, session.saved);
    const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ act) =>
      session.addEventListener(name, (/** @type {any} */ { detail }) => this.session === session && act(detail));
    for (const name of ["field", "rows", "trouble", "agent", "connected", "extended"]) on(name, () => this.#show());
    on("prompt", ({ prompt }) => prompt ?? this.#show({ prompt, isCopied: null }));
    on("pickupRefused", ({ times }) => this.#attention?.call(this.#texts.say("elsewhereRefused", { times })));
    on("requests", ({ requests }) => this.#call(requests));
    on("action", () => this.#tellWorking());
    on("done", ({ applied }) => this.#tellDone(applied));
    on("state", (state) => this.#tellState(state));
    for (const how of /** @type {const} */ (["expired", "revoked", "submitted"])) on(how, () => this.#end(how));
    session.connect();
    this.#left = new AbortController();
    provideTools(session, { signal: this.#left.signal });
    this.#ticker = setInterval(() => this.#show(), TICK);
    this.#show();
    this.dispatchEvent(new CustomEvent("session", { detail: { session } }));
  }

  /** @param {"expired" | "revoked" | "submitted" | "unproven"} how */
  #end(how) {
    save(this.#place, null);
    this.#leave();
    this.#show({ prompt: null, isCopied: null, held: [], report: [] });
    this.#tell(how);
    this.dispatchEvent(new CustomEvent("session", { detail: { session: null } }));
  }

  /** Let go of session and form, without ending the session. */
  #leave() {
    clearInterval(this.#ticker);
    this.#left.abort();
    if (this.session) this.#values.leave(this.session, this.binding);
    for (const { key } of this.binding?.fields ?? []) mark(this.binding?.controlsOf(key) ?? [], null);
    this.binding?.stop();
    this.session?.close();
    this.binding = null;
    this.session = null;
    if (this.#form && this.#holder === this) holders.delete(this.#form);
  }

  /** Hold a submission back until the server has all that is shown. @param {SubmitEvent} event */
  async #submit(event) {
    const form = this.#form;
    if (!form || event.target !== form) return;
    announce(null);
    const path = pathOf(form, event.submitter);
    if (!this.session) saveSubmitted(this.#place, null, path);
    if (!this.session || !this.binding) return;
    const offered = [...this.binding.offers.keys()];
    if (offered.length > 0) {
      event.preventDefault();
      event.stopImmediatePropagation();
      for (const key of offered) this.binding.accept(key);
      this.#holdBack(offered);
      return;
    }
    this.binding.report();
    const submission = this.session.submit(event);
    if (event.defaultPrevented) event.stopImmediatePropagation();
    else this.#release(path);
    const { ok, changed, pending } = await submission;
    if (!ok) this.#holdBack(changed, pending);
  }

  /** Let the form go, to a page that may show it again. @param {string} path */
  #release(path) {
    const session = this.#held;
    saveSubmitted(this.#place, session.saved, path);
    announce(session);
  }

  /** @param {string[]} changed keys of what the person has not seen. @param {string[]} [pending] and of what is not stored. */
  #holdBack(changed, pending = []) {
    this.#show({ held: [...changed, ...pending] });
    this.#tell(changed.length > 0 ? "held" : "pending");
  }

  // ---- the panel

  /** Show how things stand, once for all that changes at one time. @param {Partial<State>} [change] */
  async #show(change = {}) {
    Object.assign(this.#state, change);
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    await nextTask();
    this.#isDrawing = false;
    this.#draw();
  }

  #draw() {
    const { session, binding } = this;
    for (const { key } of binding?.fields ?? []) {
      mark(binding?.controlsOf(key) ?? [], session?.fields.get(key)?.by ?? null);
    }
    this.#panel?.update({ ...this.#state, session, binding });
  }

  /** @param {import("./element/texts.js").Name} name @param {Record<string, string | number>} [values] */
  #tell(name, values) {
    this.#told = [name, values];
    this.#show({ status: this.#texts.say(name, values) });
  }

  /** Do a button's work, and tell of its failure. @param {() => Promise<any>} work */
  async #run(work) {
    this.#show({ isBusy: true });
    try {
      await work();
    } catch (error) {
      this.#tell("failed", { reason: error instanceof Error ? error.message : String(error) });
      for (const step of error instanceof HandshakeError ? error.nextSteps : []) console.warn(`Handshake Prompt: ${step}`);
    } finally {
      this.#show({ isBusy: false });
    }
  }

  /** @param {string | Promise<string | null>} text inside the click that asked for it. */
  async #offerPrompt(text) {
    const copying = copyText(/** @type {any} */ (text));
    this.#show({ prompt: await text, isCopied: null, isTaken: false });
    this.#show({ isCopied: await copying });
  }

  /** Tell that an agent is at work, which has the prompt by then: it makes room for what matters now. */
  #tellWorking() {
    this.#show({ isTaken: true });
    this.#tell("working");
  }

  /** @param {number} applied */
  #tellDone(applied) {
    this.#written += applied;
    this.#tell("done", { count: this.#written });
    this.#attention?.call(this.#state.status);
  }

  /** @param {{state: string, final: boolean, error: any}} state */
  #tellState({ state, final, error }) {
    if (final || state === "connecting") return;
    const isCrowded = error?.code === "too_many_watchers";
    if (state === "waiting") this.#tell(isCrowded ? "crowded" : "offline");
    if (state === "open") this.#tell(this.session?.prompt ? "waiting" : "resumed");
    if (state === "closed") this.#tell("unproven");
  }

  /** @param {import("./client.js").Request[]} requests */
  #call(requests) {
    const newest = requests.at(-1);
    if (newest) this.#attention?.call(newest.text ?? labelOf(this, newest.key ?? ""));
    this.#show();
  }
}

define("handshake-prompt", HandshakePrompt);
