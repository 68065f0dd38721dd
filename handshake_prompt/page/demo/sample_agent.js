/**
 * Scripted agent. All it has is the text of a handshake prompt, and any agent can do the same with the public HTTP API.
 * It never sends the page's cookie, so the server takes it for an agent.
 */

const INTERVAL = 400;

function yesterday() {
  const day = new Date(Date.now() - 86_400_000);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** Values of an imagined receipt; the bank account it cannot know, and leaves to the person. */
const FOUND = {
  purpose: "Lunch at the project kick-off",
  category: "meals",
  amount: 84.65,
  attendees: ["Client's project lead", "Design lead"],
  billable: true,
  expense_date: yesterday(),
  start_time: "12:30",
  receipt_at: `${yesterday()} 14:05:00`,
  receipt_links: ["https://example.com/r/2041"],
  approver: "finance@example.com",
};

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

/**
 * Fill in the open fields, in two batches.
 *
 * @param {string} prompt the handshake prompt.
 * @param {(text: string, kind?: "refused") => void} report told of the agent's steps and of refusals.
 * @throws {Error} if the server turns the agent away.
 */
export async function runSampleAgent(prompt, report) {
  const { sessionId, token, baseUrl, prefix } = parsePrompt(prompt);
  const endpoint = `${baseUrl}${prefix === "/" ? "" : prefix}`;

  async function call(path, body) {
    const response = await fetch(`${endpoint}/${path}/${sessionId}`, {
      method: body ? "POST" : "GET",
      credentials: "omit",
      headers: { "X-Handshake-Token": token, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    const reply = await response.json();
    if (!response.ok) throw new Error(reply.detail ?? reply.error);
    return reply;
  }

  async function write(keys) {
    const actions = keys.map((key) => ({ type: "set", key, value: FOUND[key] ?? "unknown" }));
    const { applied, results } = await call("action", { actions, stream: true, intervalMs: INTERVAL });
    report(`Sample agent sent ${actions.length} values, ${applied.length} accepted`);
    for (const { key, status, code } of results) {
      if (status !== "applied") report(`${labels[key]} refused: ${code}`, "refused");
    }
  }

  const { schema, context } = await call("context");
  const labels = Object.fromEntries(schema.map(({ key, label }) => [key, label]));
  const isTaken = ({ key, readOnly }) => readOnly || ["user", "user_edit"].includes(context[key]?.by);
  const open = schema.filter((field) => field.key in FOUND && !isTaken(field)).map(({ key }) => key);
  // A well-behaved agent leaves these alone. This one tries, to show that asking is all it can do.
  const taken = schema.filter((field) => isTaken(field) && !field.sensitive).map(({ key }) => key);
  const trespass = taken.find((key) => key in FOUND) ?? taken[0];
  report(`Sample agent read the form: ${schema.length} fields, ${open.length} it can fill in`);

  const half = Math.ceil(open.length / 2);
  await write([...open.slice(0, half), ...(trespass ? [trespass] : [])]);
  if (open.length > half) await write(open.slice(half));
}
