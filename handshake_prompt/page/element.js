/**
 * One tag that hands an existing form to the person's own AI agent:
 *
 *     <script type="module" src="/handshake/element.js"></script>
 *     <form id="claim">…</form>
 *     <handshake-prompt for="claim"></handshake-prompt>
 *
 * Attributes: `for`, the form's id (else the form around the tag); `name`, a form the host application has registered;
 * `base`, where the server is mounted (`/handshake`); `mode`; `lang`, `en` or `zh`. Parts to style: `panel button status
 * prompt attention action link`. Events: `session`, whenever `element.session` has become another one or none.
 */

import { HandshakeSession, copyText, valuesOf } from "./client.js";
import { nextTask } from "./client/tasks.js";
import { isSame, visible } from "./client/values.js";
import { Attention } from "./element/attention.js";
import { fieldsOf, isAsked, isEmpty, isPersonsAlone, told } from "./element/field_facts.js";
import { mark } from "./element/marks.js";
import { Panel } from "./element/panel.js";
import { RequestList } from "./element/request_list.js";
import { save, saved } from "./element/saved_session.js";
import { Texts } from "./element/texts.js";
import { attributeOf, listen, rootOf } from "./form/clobbering.js";
import { ControlIndex, FormBinding, schemaOf } from "./form.js";

/** @typedef {import("./client.js").Field} Field */

/** Seconds that the person gets at a time. */
const MORE_TIME = 1_800;
/** How often the time that is left is told, in milliseconds. */
const TICK = 5_000;
const PERSONS = new Set(["user", "user_edit"]);

/** Members of a submitted form: the session, and what stands for the state that the page shows. */
const SESSION = "handshakeSession";
const DIGEST = "handshakeDigest";

export class HandshakePrompt extends HTMLElement {
  /** @type {HandshakeSession | null} */
  session = null;
  /** @type {FormBinding | null} The form's controls, while there is a session. */
  binding = null;

  /** @type {HTMLFormElement | null} */
  #form = null;
  #texts = new Texts("en");
  /** @type {Panel | null} */
  #panel = null;
  /** @type {RequestList | null} */
  #requests = null;
  /** @type {Attention | null} */
  #attention = null;
  #gone = new AbortController();
  #written = 0;
  #ticker = 0;
  /** @type {Map<string, any>} What agents wrote in sessions before: by staying there it is not made the person's. */
  #left = new Map();
  #isShowing = false;
  /** @type {Promise<HandshakeSession> | null} */
  #opening = null;
  /** @type {WeakSet<any>} Controls that the person has touched since the page was loaded. */
  #touched = new WeakSet();

  connectedCallback() {
    this.#gone = new AbortController();
    const language = /** @type {any} */ (this.closest("[lang]"))?.lang || document.documentElement.lang;
    this.#texts = new Texts(language || navigator.language);
    this.#attention = new Attention(this.#gone.signal);
    this.#requests = new RequestList(this.#texts, {
      decide: (request, decision, values) => this.#run(() => this.#held.answer(request, decision, values)),
      labelOf: (key) => this.#labelOf(key),
      focus: (key) => this.binding?.controlsOf(key)[0]?.focus(),
    });
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    this.#panel = new Panel(root, this.#texts, this.#requests.element, {
      handOver: () => this.#run(() => this.handOver()),
      rotate: () => this.#run(() => this.#offerPrompt(this.#held.rotate())),
      revoke: () => this.#run(() => this.#held.revoke()),
      extend: () => this.#run(() => this.#held.extend(MORE_TIME)),
      release: (key) => this.session?.release(key),
      revert: (key) => this.#run(() => this.#held.revert([key])),
      revertAll: () => this.#run(() => this.#held.revert()),
      accept: (key) => this.binding?.accept(key),
      focus: (key) => this.binding?.controlsOf(key)[0]?.focus(),
    });
    this.#attend();
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
    const prompt = this.#isUnproven ? null : this.session?.prompt;
    await this.#offerPrompt(prompt ?? this.open().then((session) => session.prompt ?? session.rotate()));
  }

  /**
   * @returns {Promise<HandshakeSession>} the session, opened for the form if there is none that is this page's.
   * @throws {import("./client.js").HandshakeError} if the server refuses.
   */
  async open() {
    if (this.session && !this.#isUnproven) return this.session;
    return (this.#opening ??= this.#open().finally(() => (this.#opening = null)));
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

  get #view() {
    return /** @type {Panel} */ (this.#panel);
  }

  // ---- the form

  /** Wait for the form to be there, and take up the session that the tab had before a reload. */
  #attend() {
    const { signal } = this.#gone;
    this.#form = this.form;
    if (!this.#form) {
      const observer = new MutationObserver(() => this.form && (observer.disconnect(), this.#attend()));
      observer.observe(rootOf(this), { childList: true, subtree: true });
      signal.addEventListener("abort", () => observer.disconnect());
      return;
    }
    const touch = (/** @type {Event} */ event) => event.isTrusted && this.#touched.add(event.composedPath()[0]);
    for (const name of ["input", "change"]) rootOf(this.#form).addEventListener(name, touch, { signal, capture: true });
    const submit = (/** @type {any} */ event) => this.#submit(event);
    rootOf(this.#form).addEventListener("submit", submit, { signal, capture: true });
    listen(this.#form, "formdata", (/** @type {any} */ { formData }) => this.#name(formData), { signal });
    const kept = saved(this.#place);
    if (kept) this.#resume(kept);
  }

  /** Have a form that is submitted tell what it belongs to. @param {FormData} formData */
  #name(formData) {
    if (!this.session) return;
    formData.set(SESSION, this.session.id);
    if (this.session.digest) formData.set(DIGEST, this.session.digest);
  }

  async #open() {
    const form = this.#form;
    if (!form) throw new Error(`There is no form "${this.getAttribute("for") ?? ""}" in this page.`);
    const name = this.getAttribute("name");
    const base = this.getAttribute("base") ?? "/handshake";
    const schema = name ? await fieldsOf(base, name) : schemaOf(form);
    if (this.session) this.#end("unproven");
    const values = this.#valuesOf(form, schema);
    const opened = name ? { form: name } : { mode: this.getAttribute("mode") ?? "form-fill", schema };
    const prompt = { language: this.#texts.language };
    const session = await HandshakeSession.create({ base, prompt, ...opened, ...values });
    session.schema = schema;
    this.#hold(session);
    this.#bind({ ...values.defaults, ...values.context });
    this.#view.tell(this.#texts.say("waiting"));
    return session;
  }

  /** @param {HTMLFormElement} form @param {Field[]} schema */
  #valuesOf(form, schema) {
    const { context, defaults } = valuesOf(form, schema);
    for (const [key, value] of this.#left) {
      if (!(key in context) || !isSame(context[key], value)) continue;
      defaults[key] = value;
      delete context[key];
    }
    return { context, defaults };
  }

  /** @param {import("./client.js").SavedSession} kept */
  #resume(kept) {
    const session = HandshakeSession.resume(kept, { prompt: { language: this.#texts.language } });
    this.#hold(session);
    session.addEventListener("connected", () => this.binding ?? this.#bind(this.#restored()), { once: true });
    this.#view.tell(this.#texts.say("resumed"));
  }

  /**
   * What the browser has restored in the controls after a reload is no edit, where the session knows better.
   *
   * @returns {Record<string, any>} by key, what is not to be reported.
   */
  #restored() {
    const form = /** @type {HTMLFormElement} */ (this.#form);
    const index = new ControlIndex(form);
    const { context, defaults } = valuesOf(form, this.#held.schema);
    const isKnown = (/** @type {[string, any]} */ [key, { by }]) =>
      (by === "ai" || PERSONS.has(by)) && !index.of(key).some((control) => this.#touched.has(control));
    return Object.fromEntries([...this.#held.fields].filter(isKnown).map(([key]) => [key, { ...defaults, ...context }[key]]));
  }

  /** @param {Record<string, any>} given */
  #bind(given) {
    this.binding = new FormBinding(this.#held, /** @type {HTMLFormElement} */ (this.#form), given, {
      follow: !this.hasAttribute("name"),
    });
    this.binding.addEventListener("offer", () => this.#showOffers());
    this.binding.addEventListener("change", () => this.#showFields());
    this.#showFields();
  }

  // ---- the session

  /** @param {HandshakeSession} session */
  #hold(session) {
    this.session = session;
    this.#written = 0;
    save(this.#place, session.saved);
    const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ act) =>
      session.addEventListener(name, (/** @type {any} */ { detail }) => this.session === session && act(detail));
    on("field", () => this.#showSoon());
    on("trouble", () => this.#showProblems());
    on("requests", ({ requests }) => this.#showRequests(requests));
    on("agent", () => this.#showAgent());
    on("connected", () => this.#showAgent());
    on("action", () => this.#view.tell(this.#texts.say("working")));
    on("extended", () => this.#view.showTime(session.expiresIn));
    on("done", ({ applied }) => this.#showDone(applied));
    on("state", (state) => this.#showState(state));
    on("expired", () => this.#end("expired"));
    on("revoked", () => this.#end("revoked"));
    on("submitted", () => this.#end("submitted"));
    session.connect();
    this.#ticker = setInterval(() => this.#view.showTime(session.expiresIn), TICK);
    this.#view.showTime(session.expiresIn);
    this.#view.showSession(session.prompt ? "copyAgain" : "newPrompt", true);
    this.dispatchEvent(new CustomEvent("session", { detail: { session } }));
  }

  /** @param {"expired" | "revoked" | "submitted" | "unproven"} how */
  #end(how) {
    save(this.#place, null);
    this.#leave();
    this.#view.showPrompt(null);
    this.#view.showSession("handOver", false);
    this.#view.tell(this.#texts.say(how));
    this.dispatchEvent(new CustomEvent("session", { detail: { session: null } }));
  }

  /** Let go of session and form, without ending the session. */
  #leave() {
    clearInterval(this.#ticker);
    for (const [key, { by, value }] of this.session?.fields ?? []) if (by === "ai") this.#left.set(key, value);
    for (const { key } of this.session?.schema ?? []) mark(this.binding?.controlsOf(key) ?? [], null);
    this.binding?.stop();
    this.session?.close();
    this.#requests?.show([]);
    this.binding = null;
    this.session = null;
  }

  /** Hold a submission back until the server has all that is shown. @param {SubmitEvent} event */
  async #submit(event) {
    if (event.target !== this.#form || !this.session || !this.binding) return;
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
    const { ok, changed, pending } = await submission;
    if (!ok) this.#holdBack(changed, pending);
  }

  /** @param {string[]} changed keys of what the person has not seen. @param {string[]} [pending] and of what is not stored. */
  #holdBack(changed, pending = []) {
    this.#view.tell(this.#texts.say(changed.length > 0 ? "held" : "pending"));
    this.#view.showProblems([...changed, ...pending].map((key) => ({ key, label: this.#labelOf(key), text: "" })));
  }

  // ---- the panel

  /** Do a button's work, and tell of its failure. @param {() => Promise<any>} work */
  async #run(work) {
    this.#view.setBusy(true);
    try {
      await work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#view.tell(this.#texts.say("failed", { reason }));
    } finally {
      this.#view.setBusy(false);
    }
  }

  /** @param {string | Promise<string | null>} text inside the click that asked for it. */
  async #offerPrompt(text) {
    const copying = copyText(/** @type {any} */ (text));
    const prompt = await text;
    this.#view.showPrompt(prompt);
    this.#view.showSession("copyAgain", true);
    this.#view.showCopied(await copying);
  }

  #showAgent() {
    this.#view.showAgent(this.session?.agent ?? "");
  }

  /** @param {number} applied */
  #showDone(applied) {
    this.#written += applied;
    const text = this.#texts.say("done", { count: this.#written });
    this.#view.tell(text);
    this.#attention?.call(text);
  }

  /** @param {{state: string, final: boolean, error: any}} state */
  #showState({ state, final, error }) {
    if (final || state === "connecting") return;
    const prompt = this.session?.prompt;
    const isCrowded = error?.code === "too_many_watchers";
    if (state === "waiting") this.#view.tell(this.#texts.say(isCrowded ? "crowded" : "offline"));
    if (state === "open") this.#view.tell(this.#texts.say(prompt ? "waiting" : "resumed"));
    if (state === "closed") this.#view.tell(this.#texts.say("unproven"));
    this.#view.showSession(state === "closed" ? "handOver" : prompt ? "copyAgain" : "newPrompt", true);
  }

  /** Show the fields once for all that changes at one time. */
  async #showSoon() {
    if (this.#isShowing) return;
    this.#isShowing = true;
    await nextTask();
    this.#isShowing = false;
    this.#showFields();
  }

  #showFields() {
    const { session, binding } = this;
    if (!session || !binding) return;
    const records = session.schema.map((field) => ({ field, record: session.fields.get(field.key) }));
    for (const { field, record } of records) mark(binding.controlsOf(field.key), record?.by ?? null);
    const lines = records.filter(({ record }) => !isEmpty(record?.value));
    this.#view.showFields(lines.map(({ field, record }) => ({
      key: field.key,
      label: this.#labelOf(field.key),
      by: record?.by ?? "default",
      about: record?.source ? this.#texts.say("source", { source: record.source }) : "",
      canRevert: record?.by === "ai",
      canRelease: PERSONS.has(record?.by ?? "") && !isPersonsAlone(field),
    })));
    const missing = records.filter(({ field, record }) => isAsked(field) && isEmpty(record?.value));
    this.#view.showMissing(missing.map(({ field: { key } }) => ({ key, label: this.#labelOf(key), text: "" })));
  }

  /** @param {import("./client.js").Request[]} requests */
  #showRequests(requests) {
    this.#requests?.show(requests);
    const newest = requests.at(-1);
    if (newest) this.#attention?.call(newest.text ?? this.#labelOf(newest.key ?? ""));
  }

  #showProblems() {
    const told = this.session?.problems ?? [];
    this.#view.showProblems(told.map(({ keys: [key = ""], msg }) => ({ key, label: this.#labelOf(key), text: msg })));
  }

  #showOffers() {
    const offers = [...(this.binding?.offers ?? [])];
    this.#view.showOffers(offers.map(([key, value]) => ({ key, label: this.#labelOf(key), text: told(value) })));
  }

  /** @param {string} key */
  #labelOf(key) {
    return visible(this.session?.schema.find((field) => field.key === key)?.label) || key || this.#texts.say("form");
  }
}

if (!customElements.get("handshake-prompt")) customElements.define("handshake-prompt", HandshakePrompt);
