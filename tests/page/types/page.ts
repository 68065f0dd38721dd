// A page of a user's, with a panel of its own, that uses every public name.
import {
  HandshakeError, HandshakeSession, copyText, valuesOf,
  type Author, type Cause, type Condition, type ConnectionState, type Context, type CreateSettings, type Field,
  type FieldRecord, type FieldType, type Frame, type FrameMembers, type FrameOf, type HandshakeSessionEventMap,
  type JsonValue, type Logged, type Option, type OwnEvents, type Pasted, type PastedAction, type PastedResult, type Pickup,
  type Problem, type Readiness, type Receipt, type Request, type RequestEnd, type ResumeSettings, type RowChange,
  type RowPlaced, type SavedSession, type Scalar, type SchemaChange, type SessionInfo, type SessionSettings,
  type UnreadLine, type Values, type Written,
} from "handshake-prompt";
import { drawForm, type DrawSettings, type DrawnPart } from "handshake-prompt/draw.js";
import { HandshakePrompt, type HandshakePromptEventMap } from "handshake-prompt/element.js";
import {
  ControlIndex, FormBinding, bind, schemaOf, type BindSettings, type Control, type FormBindingEventMap,
} from "handshake-prompt/form.js";
import { provideTools } from "handshake-prompt/webmcp.js";

declare const form: HTMLFormElement;
declare const note: (...told: unknown[]) => void;

// ---- a schema by hand, and one of the form's own

const scalar: Scalar = "meals";
const condition: Condition = { all: [{ key: "category", in: [scalar] }, { not: { filled: "guests" } }, { any: [] }] };
const option: Option = { value: "meals", label: "Meals", when: condition };
const type: FieldType = "rows";
const fields: Field[] = [
  { key: "purpose", label: "Purpose", required: true, maxLength: 80, "x-of-our-own": 1 },
  { key: "category", type: "enum", options: [option, "other"], showIf: condition },
  { key: "lines", type, fields: [{ key: "amount", type: ["number", "string"], min: 0, step: 0.01 }], maxRows: 9 },
];
const derived: Field[] = schemaOf(form);
// @ts-expect-error: an entry has a key
const nameless: Field = { label: "Purpose" };
// @ts-expect-error: a bound is no list
const unbounded: Field = { key: "amount", min: [0] };

// ---- a session

const kept: SessionSettings = { prompt: { language: "zh" }, fetch: { headers: { "X-Of-Ours": "1" } } };
const settings: CreateSettings = { ...kept, base: "/handshake", mode: "form-fill", schema: fields, userToken: true };
const { context, defaults }: { context: Values; defaults: Values } = valuesOf(form, derived);
const session = await HandshakeSession.create({ ...settings, context, defaults, meta: { from: "a test" } });
const named: HandshakeSession = await HandshakeSession.create({ form: "claim" });
const saved: SavedSession = session.saved;
const resumed: ResumeSettings = { ...kept, userToken: session.userToken ?? undefined };
const again: HandshakeSession = HandshakeSession.resume(saved, resumed);
note(new HandshakeSession(saved).urls["context"], again.id, again.mode, named.schema, session.agent);
// @ts-expect-error: a mode is a name
await HandshakeSession.create({ mode: 1 });

session.connect();
const undo: () => void = session.bind(form, { follow: true });
const prompt: string | null = session.prompt;
const token: string | null = session.token;
const isCopied: boolean = (await session.copyPrompt()) || (prompt !== null && (await copyText(prompt)));
await copyText(Promise.resolve("inside a click"));
note(token, isCopied, session.digest, session.over, session.expiresIn);

// ---- what happens

const draw = (key: string, { value, by, pending = false }: FieldRecord) => {
  const shown: JsonValue = Array.isArray(value) ? value.map(String).join(", ") : value;
  const author: Author = by;
  note(key, shown, author, pending);
};
for (const [key, record] of session.fields) draw(key, record);
session.addEventListener("field", ({ detail }) => draw(detail.key, detail.record));
session.addEventListener("rows", ({ detail: { list, rows } }) => note(list, rows.length, session.rows(list)));
session.addEventListener("trouble", ({ detail }) => detail.problems.map(({ keys, msg }: Problem) => note(keys, msg)));
session.addEventListener("state", function ({ detail: { state, final, code, error } }) {
  const connection: ConnectionState = this.state;
  note(state === connection, final, code?.toFixed(), error?.type);
});
session.addEventListener("frame", ({ detail }: CustomEvent<Frame>) => note(detail.type, detail["seq"]));
session.addEventListener("action", ({ detail }) => note(detail.key, detail.source, detail.confidence?.toFixed(2)));
session.addEventListener("done", ({ detail }) => note(detail.applied + 1, detail.missing.join()));
session.addEventListener("rowAdded", ({ detail }) => note(placed(detail), changed(detail)));
session.addEventListener("answered", ({ detail }) => note(ended(detail)));
session.addEventListener("error", ({ detail }) => note(detail.code, detail.ref));
session.addEventListener("of a type that is yet to come", (event) => note(event.type));
const onRequests = ({ detail }: HandshakeSessionEventMap["requests"]) => detail.requests.forEach(decide);
session.addEventListener("requests", onRequests, { once: true });
session.removeEventListener("requests", onRequests);
// @ts-expect-error: `done` tells a number
session.addEventListener("done", ({ detail }) => detail.applied.length);

const placed = ({ list, row, after }: RowPlaced) => `${list}/${row} behind ${after ?? "none"}`;
const changed = ({ key, by }: RowChange) => `${key} by ${by}`;
const ended = ({ id, status, answer }: RequestEnd) => [id, status, answer?.values];
const written = ({ key, value }: Written, { seq }: Logged): unknown => [key, value, seq];
const frame: FrameOf<"edit"> = { type: "edit", key: "a", value: 1, by: "user", seq: 1, cursor: "1", at: "" };
const members: FrameMembers["edit"] = frame;
const cause: Cause = "snapshot";
const own: OwnEvents["rows"] = { list: "lines", rows: [], cause };
note(written(members, frame), own);

async function decide(request: Request): Promise<void> {
  if (request.kind === "suggest" && request.key) note(request.value, request.reason);
  await session.answer(request, "accept", { guests: "team" });
  const report: string | undefined = await session.answer(request, "decline");
  note(request.pasted, report);
}

async function paste(text: string): Promise<void> {
  const { read, results, questions, unread, bound }: Pasted = await session.paste(text, { preview: true });
  note(read.map(({ type, key }: PastedAction) => `${type} ${key}`), results.map(({ code }: PastedResult) => code));
  note(questions.length, unread.map(({ line }: UnreadLine) => line), bound, (await session.paste(text)).report);
}
session.addEventListener("prompt", ({ detail }) => note(detail.prompt));
await paste("an answer");
// @ts-expect-error: silence is no decision
await session.answer({ id: "1", digest: "" }, "silence");

// ---- what the person does

note(session.edit("purpose", "Lunch"), session.release("purpose"), session.setProblem("purpose", null));
session.shows("purpose", "Lunch");
const row: string | null = await session.addRow("lines", { amount: 1 }, null);
if (row) note(session.removeRow(`lines/${row}`), session.moveRow(`lines/${row}`));
const change: SchemaChange = { set: fields, remove: ["guests"] };
note(await session.setSchema(change), await session.revert(["lines"]), await session.settled());
const pasted: Pasted = await session.paste("```\n", { preview: true });
const unread = ({ line, text, msg }: UnreadLine) => `${line}: ${text}: ${msg}`;
note(pasted.results[0]?.status, pasted.unread.map(unread));
const held: Context = await session.context();
const info: SessionInfo = await session.info();
note(held.context["purpose"]?.by, held.missing, info.watchers, await session.extend(60), await session.rotate());

const { code, url, svg, expiresAt, expiresIn }: Pickup = await session.pickup();
session.addEventListener("pickedUp", ({ detail }) => note(detail.name, code, url, svg ?? "", expiresAt, expiresIn));
session.addEventListener("pickupRefused", ({ detail }) => note(detail.times));
const receipt = ({ id, at, digest, authors, result }: Receipt) => [id, at, digest, authors["purpose"], result];
try {
  const readiness: Readiness = await session.ready(1_000);
  const outcome = await session.submit();
  if (outcome.ok) note(receipt(outcome), readiness.cursor);
  else note(outcome.changed, outcome.pending);
} catch (error) {
  if (!(error instanceof HandshakeError) || error.isOver || error.isUnproven) throw error;
  note(error.status, error.code, error.retryable, error.retryAfter, error.problems, error.unread, error.nextSteps);
}
form.addEventListener("submit", async (event) => note((await session.submit(event)).changed));
undo();
session.close();
await session.revoke();

// ---- the pieces

const following: BindSettings = { follow: true };
const unbind: () => void = bind(session, form, context, following);
const binding = new FormBinding(session, form, {}, following);
const offered = ({ detail }: FormBindingEventMap["offer"]) => note(detail.key, binding.offers.get(detail.key));
binding.addEventListener("offer", offered);
binding.removeEventListener("offer", offered);
binding.accept("purpose");
binding.report();
const controls: Control[] = binding.controlsOf("purpose");
note(binding.fields.length, controls[0]?.id);
binding.stop();
unbind();
const index = new ControlIndex(form, new WeakMap());
note(index.of("purpose"), index.isRenamed(index.controls[0]!, index), index.controls.map((control) => [index.keyOf(control), ...index.keysOf(control)]), index.has(form), index.shadowRoots);
for (const { row: element, cells } of index.rows("lines")) note(element.id, cells.get("amount"));

const isTaken: boolean = provideTools(session, { signal: AbortSignal.timeout(1_000) });
note(isTaken || provideTools(named));
// ---- a form that is drawn

const part: DrawnPart = "control";
const drawing: DrawSettings = { form, values: held.data, language: "zh", classes: { [part]: "form-control" } };
const drawn: HTMLFormElement = drawForm(named.schema, drawing);
note(drawn.id);

// ---- the tag

const tag = document.querySelector("handshake-prompt");
if (tag instanceof HandshakePrompt) {
  const told = ({ detail }: HandshakePromptEventMap["session"]) => note(detail.session?.id);
  tag.addEventListener("session", told);
  tag.removeEventListener("session", told);
  tag.addEventListener("click", ({ clientX }) => note(clientX));
  await tag.open();
  await tag.handOver();
  note(tag.form?.id, tag.session?.state, tag.binding?.offers.size);
}
