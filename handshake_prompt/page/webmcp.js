/**
 * Tools of a session for an agent that the browser has (WebMCP):
 *
 *     import { provideTools } from "/handshake/webmcp.js";
 *     provideTools(session, { signal });
 *
 * They act with the agent's token, never as the person: an agent can read, write, suggest and ask, as one outside could,
 * and not submit, answer or revert. They are there while this page holds the token, and take a new one up.
 */

import { HandshakeError } from "./client/requests.js";
import { AgentRequests } from "./webmcp/agent_requests.js";
import { objection } from "./webmcp/input_check.js";
import { modelContext, register } from "./webmcp/registration.js";
import { TOOLS } from "./webmcp/tool_list.js";
import { WORK } from "./webmcp/tool_work.js";

/** @typedef {import("./webmcp/tool_list.js").Tool} Tool */
/** @typedef {{content: {type: "text", text: string}[], isError?: boolean}} ToolResult as of MCP. */

/**
 * Register the tools of a session with the browser, if it takes any.
 *
 * @param {import("./client.js").HandshakeSession} session
 * @param {{signal?: AbortSignal}} [settings] `signal` takes them away; so does the session's end.
 * @returns {boolean} whether the browser takes tools.
 */
export function provideTools(session, { signal = new AbortController().signal } = {}) {
  const context = modelContext();
  if (!context) return false;
  let held = new AbortController();
  const renew = () => {
    held.abort();
    held = new AbortController();
    if (session.token !== null) register(context, toolsOf(session, session.token, held), held.signal);
  };
  session.addEventListener("prompt", renew, { signal });
  signal.addEventListener("abort", () => held.abort(), { once: true });
  if (!signal.aborted) renew();
  return true;
}

/** @param {import("./client.js").HandshakeSession} session @param {string} token @param {AbortController} held */
function toolsOf({ urls }, token, held) {
  const agent = new AgentRequests(urls, token, held.signal);
  return TOOLS.map((tool) => ({
    name: tool.name,
    description: tool.description,
    inputSchema: tool.inputSchema,
    // What a page and its person have written is in every reply.
    annotations: { readOnlyHint: tool.readOnly === true, untrustedContentHint: true },
    execute: (/** @type {any} */ input) => perform(tool, agent, input ?? {}, held),
  }));
}

/** @param {Tool} tool @param {AgentRequests} agent @param {any} input @param {AbortController} held */
async function perform({ name, inputSchema }, agent, input, held) {
  const wrong = objection(inputSchema, input);
  if (wrong) return refusal({ code: "invalid_arguments", detail: wrong, retryable: false });
  try {
    return result(await WORK[name](agent, input));
  } catch (error) {
    if (error instanceof HandshakeError && (error.isOver || error.isUnproven)) held.abort(); // the token is worth nothing
    return refusal(told(error));
  }
}

/** @param {any} error */
function told(error) {
  if (!(error instanceof HandshakeError)) return { code: "unavailable", detail: error.message, retryable: true };
  const { code, message: detail, retryable, retryAfter, nextSteps } = error;
  return { code, detail, retryable, ...(retryAfter === null ? {} : { retryAfter }), nextSteps };
}

/** @param {object} members @returns {ToolResult} */
function result(members) {
  return { content: [{ type: "text", text: JSON.stringify(members) }] };
}

/** @param {object} members @returns {ToolResult} */
function refusal(members) {
  return { ...result(members), isError: true };
}
