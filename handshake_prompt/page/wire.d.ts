/**
 * Types of what page and server tell each other: fields and values, frames, replies. The sections are those of SPEC.md.
 * The protocol is additive: members that are not declared here may come at any time.
 */

/** A value as JSON has it. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [member: string]: JsonValue };

/** Values by the key of their field. */
export type Values = Record<string, JsonValue>;

// ---- forms (section 5)

/** The common names of types; any other name takes any value. */
export type FieldType =
  | "string" | "integer" | "number" | "boolean" | "enum" | "json" | "rows"
  | "date" | "time" | "datetime" | "datetime-local" | "month" | "week" | "color" | "email" | "url"
  | "file" | "signature" | "captcha"
  | (string & {});

/** A scalar that a field is compared with, or that is chosen. */
export type Scalar = string | number | boolean | null;

/** When a field is shown or required, or an option there. */
export type Condition =
  | { key: string; in: Scalar[] }
  | { filled: string }
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition };

/** One of the values to choose from. */
export interface Option {
  value: Scalar;
  label?: string;
  desc?: string;
  /** The heading that it stands under. */
  group?: string;
  disabled?: boolean;
  /** No other value may stand beside it. */
  exclusive?: boolean;
  when?: Condition;
  [member: string]: unknown;
}

/** An entry of a form's schema. */
export interface Field {
  /** Unique in its schema. The segments of a path are joined by `/`. */
  key: string;
  /** `string` if absent; of several the value fits one. */
  type?: FieldType | FieldType[];
  label?: string;
  desc?: string;
  example?: unknown;
  placeholder?: string;
  autocomplete?: string;
  /** The heading that it stands under. */
  group?: string;
  default?: unknown;
  required?: boolean;
  nullable?: boolean;
  /** Empty text, or an empty list, is an answer; `false`: it does not clear the field. */
  blank?: boolean;
  /** The agent is not shown the value. */
  sensitive?: boolean;
  /** Nobody writes it; with `computed` the page does. */
  readOnly?: boolean;
  computed?: boolean;
  /** `person`: the agent does not write it. */
  by?: "person" | (string & {});
  /** The value is a list. */
  multiple?: boolean;
  options?: (Scalar | Option)[];
  /** Text that is no option is taken too. */
  open?: boolean;
  /** Options are looked up. */
  lookup?: boolean;
  min?: number | string;
  max?: number | string;
  exclusiveMin?: number | string;
  exclusiveMax?: number | string;
  step?: number | "any";
  minLength?: number;
  maxLength?: number;
  /** Of each entry of a list. */
  each?: { minLength?: number; maxLength?: number };
  unique?: boolean;
  /** An RE2 expression that the whole text matches. */
  pattern?: string;
  format?: string;
  /** A JSON Schema, of a field of type `json`. */
  schema?: unknown;
  showIf?: Condition;
  requiredIf?: Condition;
  /** The cells of each row, of a field of type `rows`. */
  fields?: Field[];
  minRows?: number;
  maxRows?: number;
  [member: string]: unknown;
}

/** A change of a schema: fields that come or are others now, and keys of those that go. */
export interface SchemaChange {
  set?: Field[];
  remove?: string[];
}

/** Who has written a value. `user_edit`: the person, after an agent. */
export type Author = "empty" | "default" | "user" | "user_edit" | "ai";

/** A value with its author. */
export interface FieldRecord {
  value: JsonValue;
  by: Author;
  /** When, in ISO 8601. */
  at: string | null;
  /** The place in the log of the write. */
  rev: number;
  /** A write of the page's is unanswered. */
  pending?: boolean;
  /** Where an agent has the value from, by its own word; likewise the next two. */
  source?: string;
  /** From 0 to 1. */
  confidence?: number;
  reason?: string;
}

/** What is wrong with the values. */
export interface Problem {
  /** Of fields, rows, lists or groups; none for the form as a whole. */
  keys: string[];
  msg: string;
}

/** What an agent proposes, and the person alone decides: a question, or a value for a field. */
export interface Request {
  id: string;
  kind: "ask" | "suggest" | (string & {});
  /** Covers all that is to be shown. */
  digest: string;
  /** What the agent calls itself: a claim. */
  name?: string;
  text?: string;
  /** Those to answer in. */
  fields?: Field[];
  /** The field of the form that it is about. */
  key?: string;
  /** The value suggested. */
  value?: JsonValue;
  source?: string;
  confidence?: number;
  reason?: string;
  sensitive?: boolean;
  /** It came in a pasted text: what is decided goes back the same way. */
  pasted?: boolean;
  openedAt?: string;
  expiresAt: string;
}

// ---- frames (sections 6 and 7)

/** Anything that the server sends. */
export interface Frame {
  type: string;
  [member: string]: any;
}

/** The members of what stands in the log. */
export interface Logged {
  seq: number;
  /** The place in the log behind it. */
  cursor: string;
  at: string;
}

/** A field's new value. */
export interface Written extends Logged {
  key: string;
  value: JsonValue;
  by: Author;
  source?: string;
  confidence?: number;
  reason?: string;
  /** The request that was accepted. */
  request?: string;
}

/** A change of a list's rows. */
export interface RowChange extends Logged {
  /** Of the row, such as `lines/r3`. */
  key: string;
  list: string;
  row: string;
  by: Author;
}

/** A change of the place of a row. */
export interface RowPlaced extends RowChange {
  /** The row it stands behind; null in the first place. */
  after: string | null;
}

/** The end of a request. */
export interface RequestEnd extends Logged {
  id: string;
  kind: string;
  status: "answered" | "declined" | "withdrawn" | "superseded" | "expired" | (string & {});
  answer?: { values?: Values; [member: string]: unknown };
}

/** What a pasted answer asks for. */
export interface PastedAction {
  type: "set" | "add" | "remove" | "suggest";
  key: string;
  value?: JsonValue;
  reason?: string;
}

/** What has become of it, or would. */
export interface PastedResult {
  key: string;
  status: "applied" | "suggested" | "rejected" | "error" | (string & {});
  /** Why it was refused. */
  code?: string;
  msg?: string;
  row?: string;
}

/** A line of a pasted text, counted from 1, that says nothing the form could take. */
export interface UnreadLine {
  line: number;
  text: string;
  msg: string;
}

/** What has become of a pasted answer, or would. */
export interface Pasted {
  preview: boolean;
  read: PastedAction[];
  /** In the order of `read`. */
  results: PastedResult[];
  /** Those of the text at which they stand, counted from 1, likewise. */
  lines?: number[];
  /** Whole answers in the text: the last one counts, which begins at `line`. */
  blocks: number;
  line: number;
  unread: UnreadLine[];
  /** They become requests, but for those with `status` `error`. */
  questions: { text: string; status: string; msg?: string; [member: string]: unknown }[];
  /** Whether the answer names its prompt, and so is held against what has changed since. */
  bound: boolean;
  /** Whether it was applied before, and had its effect then. */
  replayed?: boolean;
  /** The outcome in words, for the agent that only the person can tell. */
  report?: string;
  [member: string]: unknown;
}

/** Everything that the server holds of a session. */
export interface Context {
  sessionId: string;
  mode: string;
  role: "user" | "agent";
  /** By key. */
  context: Record<string, FieldRecord>;
  meta: Record<string, JsonValue>;
  expiresIn: number;
  cursor: string;
  form?: string;
  schema?: Field[];
  /** Keys of required fields that are empty. */
  missing?: string[];
  missingPerson?: string[];
  /** Keys of what is not shown, by the conditions of the form. */
  hidden?: string[];
  /** By the key of a list: the ids of its rows, in order. */
  rows?: Record<string, string[]>;
  problems?: Problem[];
  problemsUnknown?: boolean;
  requests?: Request[];
  digest?: string;
  /** The values by key, in mode `default`. */
  data?: Values;
  [member: string]: unknown;
}

/** How a session stands. */
export interface SessionInfo {
  sessionId: string;
  mode: string;
  role: "user" | "agent";
  expiresIn: number;
  maxExpiresIn: number;
  /** How many connections there are. */
  watchers: number;
  cursor: string;
  agent?: string;
  agentAt?: string;
  agentGone?: boolean;
  [member: string]: unknown;
}

/** The frames that are events under the name of their type: their members. */
export interface FrameMembers {
  connected: {
    sessionId: string;
    mode: string;
    role: "user" | "agent";
    agent?: string;
    agentAt?: string;
    agentGone?: boolean;
    cursor: string;
    recovered: boolean;
    snapshot: Context | null;
    expiresIn: number;
    keepalive: number;
  };
  action: Written;
  edit: Written;
  done: Logged & {
    /** How many fields were written. */
    applied: number;
    rejected: string[];
    missing: string[];
    missingPerson?: string[];
    problems?: Problem[];
    problemsUnknown?: boolean;
  };
  rowAdded: RowPlaced;
  rowRemoved: RowChange;
  rowMoved: RowPlaced;
  rowReleased: RowChange;
  problem: Logged & { key: string; msg: string | null; previous: string | null };
  problems: Logged & { problems: Problem[]; problemsUnknown?: boolean };
  schema: Logged & Required<SchemaChange> & { gone: string[] };
  asked: Logged & Request;
  answered: RequestEnd;
  withdrawn: RequestEnd;
  lapsed: RequestEnd;
  extended: Logged & { expiresIn: number };
  rotated: Logged;
  /** The code of a pickup was exchanged, by a client that names itself or not. */
  pickedUp: Logged & { name: string | null };
  /** Somebody else has tried the code since, so often by now. */
  pickupRefused: Logged & { times: number };
  agent: { event: "joined" | "active" | "gone" | (string & {}); name: string; agentAt?: string };
  ack: { key: string; by?: Author; seq: number; at?: string; row?: string; ref: number };
  error: {
    msg: string;
    code: string;
    key?: string;
    /** The mark of the write that it is about. */
    ref?: number;
    retryable?: boolean;
    /** The write is kept until the server takes the page for the person's again. */
    kept?: boolean;
    nextSteps?: string[];
  };
  expiring: { expiresIn: number };
  expired: {};
  revoked: { by?: string };
  submitted: { by?: string };
  draining: { afterMs: number };
}

/** The frame of one type. */
export type FrameOf<T extends keyof FrameMembers> = { type: T } & FrameMembers[T];
