/**
 * Scripted agent. All it has is the text of a handshake prompt, and any agent can do the same with the public HTTP API.
 * It never sends the page's cookie, so the server takes it for an agent.
 */

const INTERVAL = 400;
/** Seconds that the server keeps a request open until something happens. */
const WAIT = 20;
const PERSONS = ["user", "user_edit"];

/**
 * Read the credentials from a prompt; the first line of each key counts.
 *
 * @param {string} text
 * @returns {{sessionId: string, token: string, baseUrl: string, prefix: string}}
 * @throws {Error} if a line is missing.
 */
export function parsePrompt(text) {
  const found = { prefix: "/handshake" };
  const seen = new Set();
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = line.match(/^\s*-?\s*(\w+):\s*(\S.*?)\s*$/) ?? [];
    if (!key || seen.has(key)) continue;
    seen.add(key);
    found[key] = value;
  }
  const missing = ["sessionId", "token", "baseUrl"].filter((key) => !found[key]);
  if (missing.length > 0) throw new Error(`The prompt has no line for ${missing.join(", ")}.`);
  return found;
}

/** @param {{values?: Record<string, unknown>}} [answer] @returns {string} the values; an answer without any is a yes. */
function wordsOf(answer) {
  return Object.values(answer?.values ?? {}).join(", ") || "yes";
}

/**
 * Fill in the open fields, ask what its source does not tell, and suggest where the person has another word than that.
 *
 * @param {string} prompt the handshake prompt.
 * @param {import("./stories.js").Story} story
 * @param {(text: string, kind?: "refused") => void} report told of the agent's steps and of refusals.
 * @throws {Error} if the server turns the agent away.
 */
export async function runSampleAgent(prompt, { source, found, question, reply }, report) {
  const { sessionId, token, baseUrl, prefix } = parsePrompt(prompt);
  const endpoint = `${baseUrl}${prefix === "/" ? "" : prefix}`;
  const name = { "X-Agent-Name": "Sample agent" };

  async function call(path, body, query = "") {
    const response = await fetch(`${endpoint}/${path}/${sessionId}${query}`, {
      method: body ? "POST" : "GET",
      credentials: "omit",
      headers: { "X-Handshake-Token": token, ...name, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    const reply = await response.json();
    if (!response.ok) throw new Error(reply.detail ?? reply.error);
    return reply;
  }

  async function write(actions) {
    const { applied, results } = await call("action", { actions, stream: true, intervalMs: INTERVAL });
    report(`Sent ${actions.length} ${actions.length === 1 ? "value" : "values"}, ${applied.length} accepted`);
    for (const { key, status, code } of results) {
      const why = code === "user_locked" ? ", you wrote it" : "";
      if (status !== "applied") report(`${labels[key]} refused: ${code}${why}`, "refused");
    }
  }

  /** Ask, and wait for the end of the question. @returns {Promise<any>} the answers; null if there is none. */
  async function ask() {
    const { id, cursor } = await call("ask", question);
    report("Asked you a question");
    for (let since = cursor; ; ) {
      const diff = await call("diff", undefined, `?since=${encodeURIComponent(since)}&wait=${WAIT}`);
      const { status, answer } = diff.requests?.find((request) => request.id === id) ?? { status: "open" };
      if (status !== "open") report(`Your answer: ${status === "answered" ? wordsOf(answer) : status}`);
      if (status !== "open") return status === "answered" ? (answer?.values ?? {}) : null;
      since = diff.cursor;
    }
  }

  /** Suggest the source's word in the place of the person's. */
  async function suggest({ context }) {
    const key = Object.keys(found).find((each) => isTaken(context, each) && context[each].value !== found[each]);
    if (!key) return;
    const suggestion = { type: "suggest", key, value: found[key], source, reason: `So it stands in ${source}.` };
    await call("action", { actions: [suggestion] });
    report(`Suggested another value for ${labels[key]}`);
  }

  const told = await call("context");
  const labels = Object.fromEntries(told.schema.map(({ key, label }) => [key, label]));
  const isTaken = (context, key) => PERSONS.includes(context[key]?.by);
  report(`Read the form: ${told.schema.length} fields, ${told.missing.length} required ones are empty`);

  // A well-behaved agent leaves the person's fields alone. This one tries, to show that asking is all it can do.
  await write(Object.entries(found).map(([key, value]) => ({ type: "set", key, value, source })));
  await suggest(told);
  const answers = await ask();
  if (answers) await write(reply(answers));
}
