/**
 * Tools of a session for an agent that the browser has (WebMCP): they act with the agent's token, never as the person.
 *
 *     import { provideTools } from "/handshake/webmcp.js";
 *     provideTools(session, { signal });
 */

import type { HandshakeSession } from "./client.js";

/**
 * Register the tools of a session with the browser, if it takes any. They are there while this page holds the token.
 *
 * @param settings `signal` takes them away; so does the session's end.
 * @returns whether the browser takes tools.
 */
export function provideTools(session: HandshakeSession, settings?: { signal?: AbortSignal }): boolean;
