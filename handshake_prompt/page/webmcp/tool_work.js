/** Work of the tools: from an agent's input to requests, and from their replies to a result. */

import { HandshakeError } from "../client/requests.js";
import { LONGEST_WAIT } from "./tool_list.js";

/** @typedef {import("./agent_requests.js").AgentRequests} Agent */

/** Pause between two polls of a server that does not wait, as one that drains, in milliseconds. */
const PAUSE = 2_000;
/** `by` of the person's changes: written, written over the agent's, or given back to the agent. */
const PERSONS = new Set(["user", "user_edit", "default"]);
const NOT_YET = "Asked; the person has not answered yet, which means neither yes nor no. wait_for_user brings the answer.";
const NO_ANSWER = "The person has changed nothing yet, which means neither yes nor no.";

/** Members of replies that an agent is told. The cursor of a write is not among them: edits may lie before it. */
const OF_A_WRITE = [
  ...["applied", "suggested", "rejected", "results", "rows"],
  ...["missing", "missingPerson", "problems", "problemsUnknown", "expiresIn"],
];
const OF_CHANGES = ["rows", "rowsBy", "problems", "problemsUnknown", "requests", "attended", "cursor", "truncated"];

/** @type {Record<string, (agent: Agent, input: any) => Promise<object>>} By name. */
export const WORK = {
  get_context: (agent) => agent.get("context"),
  find_options: async (agent, { key, query = "" }) =>
    picked(await agent.get("options", { key, q: query || null }), ["options", "truncated"]),
  set_fields: (agent, input) => write(agent, settings(input)),
  edit_rows: (agent, input) => write(agent, rowEdits(input)),
  ask_person: ask,
  suggest_fields: (agent, { suggestions }) => write(agent, suggestions.map(suggestion)),
  get_changes: async (agent, { since = null }) => changed(await agent.get("diff", { since })),
  wait_for_user: waitForPerson,
  extend: async (agent, { seconds = 1800 }) =>
    picked(await agent.postOnce("extend", { extraSeconds: seconds }), ["extended", "expiresIn"]),
};

// ---- what is asked for

/** @param {any} input @returns {object[]} actions. */
function settings({ fields, ifRev = {}, notes = {} }) {
  const stray = Object.keys({ ...ifRev, ...notes }).find((key) => !Object.hasOwn(fields, key));
  if (stray !== undefined) throw misused("ifRev and notes may name only keys that fields has");
  return Object.entries(fields).map(([key, value]) => {
    const rev = Object.hasOwn(ifRev, key) ? { ifRev: ifRev[key] } : {};
    return { type: "set", key, value, ...rev, ...given(notes[key] ?? {}) };
  });
}

/** @param {any} input @returns {object[]} actions: removals first, to make room for additions. */
function rowEdits({ add = [], remove = [], move = [] }) {
  if (add.length + remove.length + move.length === 0) throw misused("Give a row to add, to remove or to move");
  const moved = (/** @type {any} */ { row, ...place }) => ({ type: "move", key: row, ...place });
  const added = (/** @type {any} */ { list: key, values: value = {}, ...place }) => ({ type: "add", key, value, ...place });
  const removed = (/** @type {string} */ key) => ({ type: "remove", key });
  return [...remove.map(removed), ...move.map(moved), ...add.map(added)];
}

/** @param {any} input */
function suggestion({ key, value, ...note }) {
  return { type: "suggest", key, value, ...given(note) };
}

/** @param {string} detail */
function misused(detail) {
  return new HandshakeError(400, { code: "invalid_arguments", detail });
}

// ---- what becomes of it

/** @param {Agent} agent @param {object[]} actions */
async function write(agent, actions) {
  return picked(await agent.post("action", { actions }), OF_A_WRITE);
}

/** @param {Agent} agent @param {any} input */
async function ask(agent, { seconds = LONGEST_WAIT, ...asked }) {
  const opened = await agent.post("ask", given(asked));
  const told = picked(opened, ["id", "status", "attended", "expiresIn"]);
  const isOwn = (/** @type {any} */ request) => request.id === opened.id && hasEnded(request);
  const own = (/** @type {any} */ { requests = [] }) => requests.find(isOwn);
  const { reply } = await wait(agent, opened.cursor, seconds, (reply) => own(reply) !== undefined);
  const ended = own(reply);
  return ended ? { ...told, ...picked(ended, ["status", "answer"]) } : { ...told, timedOut: true, note: NOT_YET };
}

/** @param {Agent} agent @param {any} input */
async function waitForPerson(agent, { since, seconds = LONGEST_WAIT }) {
  const { reply, isLate } = await wait(agent, since, seconds, isByPerson);
  const changes = reply.changes.filter((/** @type {any} */ { by }) => PERSONS.has(by));
  return { ...changed(reply), changes, ...(isLate ? { timedOut: true, note: NO_ANSWER } : {}) };
}

/** @param {any} reply a diff. */
function changed(reply) {
  return { changes: reply.changes, ...picked(reply, OF_CHANGES) };
}

/**
 * Wait for a diff that is over, or does not list all.
 *
 * @param {Agent} agent @param {string} since @param {number} seconds @param {(reply: any) => boolean} isOver
 * @returns {Promise<{reply: any, isLate: boolean}>} `isLate`: the time ran out.
 */
async function wait(agent, since, seconds, isOver) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const reply = await agent.get("diff", { since, wait: Math.max(0, end - Date.now()) / 1000 });
    if (isOver(reply) || reply.truncated) return { reply, isLate: false };
    const left = end - Date.now();
    if (left <= 0) return { reply, isLate: true };
    since = reply.cursor;
    if (!reply.timedOut && reply.changes.length === 0 && !reply.requests?.length) await pause(Math.min(PAUSE, left));
  }
}

/** @param {any} reply a diff. */
function isByPerson({ changes, rows, rowsBy = ["user"], problems, requests = [] }) {
  const isEdited = changes.some((/** @type {any} */ { by }) => PERSONS.has(by));
  return isEdited || (rows !== undefined && rowsBy.includes("user")) || problems !== undefined || requests.some(hasEnded);
}

/** @param {any} request */
function hasEnded({ status }) {
  return status !== "open";
}

/** @param {any} reply @param {string[]} names */
function picked(reply, names) {
  return Object.fromEntries(names.filter((name) => name in reply).map((name) => [name, reply[name]]));
}

/** Members without those that are null. @param {object} members */
function given(members) {
  return Object.fromEntries(Object.entries(members).filter(([, member]) => member !== null));
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
