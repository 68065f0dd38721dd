/** The page: ties the form to a handshake session and keeps the person informed. */

import { HandshakeError, HandshakeSession, copyText } from "./handshake/client.js";
import { AUTHORS, SCHEMA, buildForm, display, isEmpty, isPersons, make } from "./form.js";
import { runSampleAgent } from "./sample_agent.js";

const STORED = "expense-report-session";
const REPORT_AFTER = 150;
const ANNOUNCE_AFTER = 1_000;
/** A connection that comes back within this is not worth a word. */
const MATTER_AFTER = 2_000;
const LOG_LENGTH = 40;
const MORE_TIME = 1800;
const AFTER_EDIT = { ai: "user_edit", user_edit: "user_edit" };

const $ = (id) => document.getElementById(id);

const STATUS = {
  idle: ["No agent yet", "Fill in as much or as little as you like first."],
  opening: ["Opening a session", "One moment."],
  waiting: ["Waiting for your agent", "Paste the prompt into any AI agent. You can go on typing."],
  working: ["Your agent is working", "You can go on typing; what you type wins."],
  done: ["Your agent is done", ""],
  revoked: ["Access revoked", "No agent can read or write any more. What is in the form stays here."],
  ended: ["The session is over", "What is in the form stays here. Hand it over again to go on."],
  expired: ["The session has expired", "What is in the form stays here. Hand it over again to go on."],
  lost: ["This page is not recognised", "Your form is as it was. Your agent cannot be followed from here."],
  failed: ["That did not work", ""],
};

const CONNECTION = {
  none: "Not connected",
  connecting: "Connecting…",
  open: "Live",
  waiting: "Reconnecting…",
  closed: "Closed",
  unproven: "Not recognised",
};

/** Explanations of a page that is not live, by the server's reason. The session goes on in all of these. */
const MATTERS = {
  too_many_watchers:
    "This report is open in too many tabs to be live in this one too. What you type is saved, and everything here " +
    "works; close another tab to see your agent at work.",
  invalid_token:
    "The server does not recognise this page any more: its session is gone, or is no longer known as yours. What you " +
    "type stays here, and an agent may still have access until the session expires. Hand the report over again to go " +
    "on.",
  default:
    "The connection is lost and will be back as soon as it can. What you type is saved whenever the server can be " +
    "reached. What your agent writes meanwhile is shown afterwards.",
};

/** @type {HandshakeSession | null} The session that is open, if one is. */
let session = null;
let opening = null;
let sampleRuns = 0;
let copiedTimer = null;
let matterTimer = null;
/** Whether the server has stopped taking this page for the person's. */
let isUnproven = false;

/** Fields of the person's that the agent was refused in this session. */
const refused = new Set();

const timers = new Map();
const fields = buildForm($("fields"), { onInput: scheduleReport, onLeave: report, onRelease: giveBack });

// ---- the person's edits

function scheduleReport(field) {
  reviseProblems();
  clearTimeout(timers.get(field.key));
  timers.set(field.key, setTimeout(() => report(field), REPORT_AFTER));
}

/** Report an edit to the server; without a session the page alone keeps track of authors. */
function report(field) {
  clearTimeout(timers.get(field.key));
  if (!field.touched || field.unreadable) return;
  field.touched = false;
  if (session?.edit(field.key, field.value)) return;
  field.show({ value: field.value, by: AFTER_EDIT[field.by] ?? "user" });
}

function reportAll() {
  for (const field of fields.values()) report(field);
}

function giveBack(field) {
  report(field);
  session?.release(field.key);
  field.focus();
  log(`You let the agent write ${field.label} again`);
}

// ---- the session

/** Open a session with the form's present values: the person's own are theirs, the rest is open to the agent. */
async function openSession() {
  if (session && !isUnproven) return session;
  opening ??= createSession().finally(() => (opening = null));
  return opening;
}

async function createSession() {
  reportAll();
  const given = { context: {}, defaults: {} };
  for (const { key, by, value } of fields.values()) {
    if (!isEmpty(value)) given[isPersons(by) ? "context" : "defaults"][key] = value;
  }
  setStatus("opening");
  const created = await HandshakeSession.create({ base: "./handshake", mode: "form-fill", schema: SCHEMA, ...given });
  attach(created);
  // Whatever was typed while the request was under way.
  for (const { key, by, value } of fields.values()) {
    const sent = given.context[key] ?? given.defaults[key];
    if (isPersons(by) && JSON.stringify(sent) !== JSON.stringify(value) && !(isEmpty(sent) && isEmpty(value))) {
      created.edit(key, value);
    }
  }
  log("You opened a session");
  setStatus("waiting");
  return created;
}

function attach(opened) {
  session?.close();
  session = opened;
  isUnproven = false;
  refused.clear();
  showClaim();
  sessionStorage.setItem(STORED, JSON.stringify(opened.saved));
  for (const [name, react] of Object.entries(REACTIONS)) {
    opened.addEventListener(name, ({ detail }) => opened === session && react(detail));
  }
  opened.connect();
  refreshControls();
}

const REACTIONS = {
  field({ key, record, cause }) {
    const field = fields.get(key);
    // An edit under way is reported shortly, and wins.
    if (!field || field.touched) return;
    if (cause === "edit" && !record.pending && isPersons(record.by)) log(`You wrote ${field.label} elsewhere`);
    field.show(record, { arrived: cause === "action" });
    field.offerRelease(true);
    reviseProblems();
    if ($("status").dataset.status === "done") setStatus("done", summary());
  },
  connected({ snapshot }) {
    meet();
    const hasWritten = Object.values(snapshot?.context ?? {}).some(({ by }) => by === "ai");
    if (hasWritten) setStatus("done", summary());
  },
  agent() {
    meet();
    if ($("status").dataset.status === "waiting") setStatus("working");
  },
  action({ key }) {
    const label = fields.get(key)?.label ?? key;
    setStatus("working");
    log(`Agent wrote ${label}`, "agent");
    announceWritten(label);
    refreshExpiry();
  },
  done({ rejected }) {
    for (const key of rejected) refused.add(key);
    setStatus("done", summary());
    announce(`Your agent is done. ${summary()}`);
    refreshExpiry();
  },
  ack: () => refreshExpiry(),
  extended: () => log("The session was extended"),
  rotated: () => log("A new token was made; the old one no longer works"),
  expiring: ({ expiresIn }) => announce(`The session expires in ${expiresIn} seconds.`),
  expired: () => over("expired", "The session expired"),
  revoked: () => over("revoked", "You revoked access"),
  error({ key, msg, code }) {
    if (code in MATTERS) showMatter(code);
    else log(`${fields.get(key)?.label ?? "The server"}: ${msg}`, "refused");
  },
  state({ state, final, error }) {
    if (final) {
      over("ended", "The session is over");
      return;
    }
    isUnproven = state === "closed";
    showConnection(isUnproven ? "unproven" : state);
    clearTimeout(matterTimer);
    if (isUnproven) setStatus("lost");
    else if (state === "open" && $("status").dataset.status === "lost") setStatus("waiting");
    if (state === "open") showMatter(null);
    else if (error) showMatter(error.code);
    else if (state === "waiting") matterTimer = setTimeout(showMatter, MATTER_AFTER, "default");
    refreshControls();
  },
};

/** The agent's work and the rest of it, as the form is now. */
function summary() {
  const all = [...fields.values()];
  const written = all.filter(({ by }) => by === "ai").length;
  const missing = all.filter(({ definition, value }) => definition.required && isEmpty(value));
  const left = missing.map(({ label }) => label).join(", ");
  const spared = refused.size > 0 ? `, ${refused.size} of yours left alone` : "";
  const rest = left ? `Left for you: ${left}.` : "Nothing required is missing.";
  return `${count(written, "field")} written${spared}. ${rest}`;
}

function over(status, message) {
  session = null;
  isUnproven = false;
  clearTimeout(matterTimer);
  sessionStorage.removeItem(STORED);
  setStatus(status);
  showMatter(null);
  showConnection("closed");
  showPrompt(null);
  log(message);
  announce(message);
  refreshControls();
}

function resume() {
  const saved = sessionStorage.getItem(STORED);
  if (!saved) return;
  setStatus("waiting", "Welcome back. The prompt you handed over before the reload still works.");
  attach(HandshakeSession.resume(JSON.parse(saved)));
}

/** The prompt. It is not kept over a reload, so a page that was reloaded needs a new token for a new one. */
async function prompt() {
  const opened = await openSession();
  return opened.prompt ?? opened.rotate();
}

// ---- buttons

async function handOver() {
  const text = (!isUnproven && session?.prompt) || prompt();
  await offer(text);
}

async function rotate() {
  const opened = session;
  await offer(opened.rotate());
}

/** Copy a prompt and show it. Called inside the click, with a promise where there is no text yet. */
async function offer(text) {
  const copying = copyText(text);
  showPrompt(await text);
  showCopied(await copying);
}

async function watchSample() {
  const run = ++sampleRuns;
  const text = await prompt();
  showPrompt(text);
  try {
    await runSampleAgent(text, (message, kind = "agent") => log(message, kind));
  } catch (error) {
    log(`Sample agent stopped: ${error.message}`, "refused");
  }
  if (run === sampleRuns) refreshControls();
}

async function extend() {
  await session.extend(MORE_TIME);
}

/** Run a button's work, with the button out of action meanwhile and any failure told. */
function onClick(id, work) {
  $(id).addEventListener("click", async () => {
    $(id).disabled = true;
    try {
      await work();
    } catch (error) {
      failed(error);
    }
    $(id).disabled = false;
    refreshControls();
  });
}

function failed(error) {
  const reason = error instanceof HandshakeError ? error.message : "The server cannot be reached.";
  setStatus(session ? $("status").dataset.status : "failed", reason);
  announce(reason);
  log(reason, "refused");
}

// ---- submitting: the person's alone

async function submit() {
  reportAll();
  for (const field of fields.values()) field.complain("");
  const wrong = [...fields.values()].filter((field) => field.problem);
  showProblems(wrong.map((field) => [field, field.problem]));
  if (wrong.length > 0) return;
  if (!session) {
    showSubmitted([...fields.values()], "No session is open: these are the values of this page.");
    return;
  }
  const { ok, changed, cursor } = await session.ready();
  if (changed.length > 0) {
    showProblems(changed.map((key) => [fields.get(key), "Has only just changed, please look at it"]));
    return;
  }
  if (!ok) {
    tell("Your last changes have not reached the server yet. Please try again in a moment.");
    return;
  }
  const response = await fetch("./submit", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ sessionId: session.id, cursor }),
  });
  const reply = await response.json();
  if (reply.missing) showProblems(reply.missing.map((key) => [fields.get(key), "Required"]));
  else if (!response.ok) tell(reply.detail);
  else showSubmitted(reply.fields, "Each value and its author as the server holds them.");
}

function showProblems(problems) {
  for (const [field, problem] of problems) field.complain(problem);
  $("problems").hidden = problems.length === 0;
  if (problems.length === 0) return;
  const names = problems.map(([field, problem]) => {
    const link = make("button", { type: "button", className: "link", textContent: field.label });
    link.addEventListener("click", () => field.focus());
    const item = make("li", {}, link, ` – ${problem.toLowerCase().replace(/\.$/, "")}`);
    item.dataset.problem = field.key;
    return item;
  });
  $("problems").replaceChildren(make("p", { textContent: "Nothing was submitted yet:" }), make("ul", {}, ...names));
  $("problems").focus();
}

/** Take mended fields off the list of problems. */
function reviseProblems() {
  for (const item of $("problems").querySelectorAll("[data-problem]")) {
    if (!fields.get(item.dataset.problem).complaint) item.remove();
  }
  $("problems").hidden ||= !$("problems").querySelector("[data-problem]");
}

function tell(message) {
  $("problems").replaceChildren(make("p", { textContent: message }));
  $("problems").hidden = false;
  $("problems").focus();
}

function showSubmitted(rows, note) {
  $("submitted-note").textContent = note;
  $("submitted-rows").replaceChildren(
    ...rows.map(({ key, value, by }) => {
      const badge = make("span", { className: "badge", textContent: AUTHORS[by] });
      const row = make(
        "tr",
        {},
        make("th", { scope: "row", textContent: fields.get(key).label }),
        make("td", { textContent: display(fields.get(key).definition, value) }),
        make("td", {}, badge),
      );
      row.dataset.by = by;
      row.dataset.row = key;
      return row;
    }),
  );
  $("submitted").showModal();
}

// ---- status, log, announcements

function setStatus(status, detail = STATUS[status][1]) {
  $("status").dataset.status = status;
  $("status-title").textContent = STATUS[status][0];
  $("status-detail").textContent = detail;
}

/** Show the name that an agent gives itself: as its claim, never as the subject of a deed. */
function meet() {
  const name = quoted(session.agent);
  const isNew = name !== $("agent-name").textContent;
  showClaim(name);
  if (!name || !isNew) return;
  log(`An agent that calls itself \u2068${name}\u2069 is here`, "agent");
  announce(`An agent that calls itself ${name} has your form.`);
}

/** Put a name in quotation marks, unless it has come with some. */
function quoted(name) {
  return name && !name.startsWith("“") ? `“${name}”` : name;
}

function showClaim(name = "") {
  $("agent-name").textContent = name;
  $("claim").hidden = name === "";
}

/** Explain why the page is not live, or take the explanation away. @param {string | null} reason */
function showMatter(reason) {
  const text = reason === null ? "" : (MATTERS[reason] ?? MATTERS.default);
  if (text && text !== $("matter").textContent) announce(text);
  $("matter").textContent = text;
  $("matter").hidden = text === "";
}

function showConnection(state) {
  $("connection").dataset.state = state;
  $("connection").textContent = CONNECTION[state];
}

function showPrompt(text) {
  $("prompt-box").hidden = !text;
  $("prompt").value = text ?? "";
  $("copied").textContent = "";
}

function showCopied(copied) {
  $("copied").textContent = copied ? "Copied to the clipboard" : "Select and copy it";
  $("copied").dataset.copied = copied;
  announce(copied ? "The prompt is on your clipboard." : "The prompt could not be copied. Select and copy it.");
  if (!copied) $("prompt").select();
  clearTimeout(copiedTimer);
  if (copied) copiedTimer = setTimeout(() => ($("copied").textContent = ""), 8_000);
}

/** @param {"person" | "agent" | "refused"} [kind] */
function log(message, kind = "person") {
  const now = new Date();
  const time = make("time", { dateTime: now.toISOString(), textContent: now.toLocaleTimeString("en-GB") });
  const entry = make("li", {}, time, make("span", { textContent: message }));
  entry.dataset.kind = kind;
  $("log").prepend(entry);
  while ($("log").children.length > LOG_LENGTH) $("log").lastChild.remove();
  $("log-empty").hidden = true;
}

function announce(message) {
  $("announcer").textContent = message;
}

/** Values arrive quickly one after another; they are announced together. */
const announceWritten = (() => {
  let labels = [];
  let timer = null;
  return (label) => {
    labels.push(label);
    timer ??= setTimeout(() => {
      announce(`Your agent wrote ${labels.join(", ")}.`);
      labels = [];
      timer = null;
    }, ANNOUNCE_AFTER);
  };
})();

/** Activity prolongs a session and no frame says by how much, so the server is asked once things are quiet. */
const refreshExpiry = (() => {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => session?.info().catch(() => {}), ANNOUNCE_AFTER);
  };
})();

function tick() {
  const left = session?.expiresIn;
  const known = left !== null && left !== undefined;
  const minutes = Math.floor(left / 60);
  const clock = `${minutes}:${String(Math.floor(left % 60)).padStart(2, "0")}`;
  $("expires").textContent = known ? clock : "–";
  $("expires").classList.toggle("soon", known && left < 120);
}

function refreshControls() {
  const open = session !== null;
  $("rotate").disabled = !open;
  $("revoke").disabled = !open;
  $("extend").hidden = !open;
  $("hand-over").textContent = open ? "Copy the prompt again" : "Hand to my agent";
  if (isUnproven) $("hand-over").textContent = "Hand over again";
  else if (open && !session.prompt) $("hand-over").textContent = "Hand over with a new token";
  for (const field of fields.values()) field.offerRelease(open);
  tick();
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

onClick("hand-over", handOver);
onClick("sample-agent", watchSample);
onClick("rotate", rotate);
onClick("revoke", () => session.revoke());
onClick("extend", extend);
$("prompt").addEventListener("focus", () => $("prompt").select());
$("report").addEventListener("submit", (event) => {
  event.preventDefault();
  $("submit").disabled = true;
  submit().catch(failed).finally(() => ($("submit").disabled = false));
});
// A page that is being left sends its last edits.
window.addEventListener("pagehide", reportAll);

setStatus("idle");
refreshControls();
setInterval(tick, 1_000);
resume();
