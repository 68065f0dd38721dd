/**
 * Scripted agent. All it has is the text of a handshake prompt, and any agent can do the same with the public HTTP API.
 * It never sends the page's cookie, so the server takes it for an agent.
 */

const INTERVAL = 400;
/** Seconds that the server keeps a request open until something happens. */
const WAIT = 20;
const PERSONS = ["user", "user_edit"];

function yesterday() {
  const day = new Date(Date.now() - 86_400_000);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** Values of an imagined receipt; the bank account it cannot know, and leaves to the person. */
const FOUND = {
  purpose: "Lunch at the project kick-off",
  category: "meals",
  amount: 84.65,
  expense_date: yesterday(),
  start_time: "12:30",
  receipt_at: `${yesterday()} 14:05:00`,
  receipt_links: ["https://example.com/r/2041"],
  approver: "finance@example.com",
};
const SOURCE = "receipt 2041";

/** What the receipt does not tell. */
const QUESTION = {
  text: "The receipt is for three. Who was there with you?",
  fields: [
    {
      key: "guests",
      type: "enum",
      label: "With me were",
      required: true,
      options: [{ value: "client", label: "People of the client's" }, { value: "team", label: "Colleagues" }],
    },
  ],
};
const ATTENDEES = {
  client: { attendees: ["Client's project lead", "Design lead"], billable: true },
  team: { attendees: ["Two colleagues"], billable: false },
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
 * Fill in the open fields, ask what the receipt does not tell, and suggest where the person has another word than it.
 *
 * @param {string} prompt the handshake prompt.
 * @param {(text: string, kind?: "refused") => void} report told of the agent's steps and of refusals.
 * @throws {Error} if the server turns the agent away.
 */
export async function runSampleAgent(prompt, report) {
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

  async function write(values, source) {
    const actions = Object.entries(values).map(([key, value]) => ({ type: "set", key, value, source }));
    const { applied, results } = await call("action", { actions, stream: true, intervalMs: INTERVAL });
    report(`Sent ${actions.length} values, ${applied.length} accepted`);
    for (const { key, status, code } of results) {
      if (status !== "applied") report(`${labels[key]} refused: ${code}`, "refused");
    }
  }

  /** Ask, and wait for the end of the question. @returns {Promise<any>} the answers; null without one. */
  async function ask(question) {
    const { id, cursor } = await call("ask", question);
    report("Asked you a question");
    for (let since = cursor; ; ) {
      const diff = await call("diff", undefined, `?since=${encodeURIComponent(since)}&wait=${WAIT}`);
      const { status, answer } = diff.requests?.find((request) => request.id === id) ?? { status: "open" };
      if (status !== "open") report(`Your answer: ${status}`);
      if (status !== "open") return answer?.values ?? null;
      since = diff.cursor;
    }
  }

  /** Suggest the receipt's word in the place of the person's. */
  async function suggest({ context }) {
    const key = Object.keys(FOUND).find((each) => isTaken(context, each) && context[each].value !== FOUND[each]);
    if (!key) return;
    const suggestion = { type: "suggest", key, value: FOUND[key], source: SOURCE, reason: "So it stands on the receipt." };
    await call("action", { actions: [suggestion] });
    report(`Suggested another value for ${labels[key]}`);
  }

  const told = await call("context");
  const labels = Object.fromEntries(told.schema.map(({ key, label }) => [key, label]));
  const isTaken = (context, key) => PERSONS.includes(context[key]?.by);
  report(`Read the form: ${told.schema.length} fields, ${told.missing.length} required ones are empty`);

  // A well-behaved agent leaves the person's fields alone. This one tries, to show that asking is all it can do.
  await write(FOUND, SOURCE);
  await suggest(told);
  const answers = await ask(QUESTION);
  if (answers) await write(ATTENDEES[answers.guests]);
}
