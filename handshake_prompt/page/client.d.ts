/**
 * The person's side of a handshake session, for pages.
 *
 *     const session = await HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) });
 *     session.bind(form);
 *     session.connect();
 *     await session.copyPrompt();
 */

import type {
  Context, Field, FieldRecord, Frame, FrameMembers, FrameOf, Pasted, Problem, Request, SchemaChange, SessionInfo,
  UnreadLine,
} from "./wire.js";

export type * from "./wire.js";
export { valuesOf } from "./form.js";

/**
 * Put text on the clipboard. Give a promise to call it inside the click that starts the work: some browsers allow
 * copying only then.
 *
 * @returns whether it could be copied.
 */
export function copyText(text: string | Promise<string>): Promise<boolean>;

/** A request that was refused, or was answered by something that is not the protocol's server. */
export class HandshakeError extends Error {
  constructor(
    status: number,
    problem: {
      code?: string;
      detail?: string;
      error?: string;
      retryable?: boolean;
      retryAfter?: number;
      problems?: Problem[];
      unread?: UnreadLine[];
      nextSteps?: string[];
    },
  );
  /** The HTTP status. */
  status: number;
  /** One of SPEC.md section 9. */
  code: string;
  retryable: boolean;
  /** Seconds after which the same request may succeed. */
  retryAfter: number | null;
  /** What is wrong with a form that was submitted. */
  problems: Problem[];
  /** Advice on what to do. */
  nextSteps: string[];
  /** Of a pasted text in which there is no answer: the lines that cannot be read. */
  unread: UnreadLine[];
  /** Whether the session has ended, or is none. */
  get isOver(): boolean;
  /** Whether the server did not take the page for the person's, which says nothing of the request itself. */
  get isUnproven(): boolean;
}

/** What `resume` takes: no credential is in it. */
export interface SavedSession {
  id: string;
  mode: string;
  /** By the name of an endpoint. */
  urls: Record<string, string>;
}

/** Settings that a session keeps. */
export interface SessionSettings {
  /** Options for every request, such as the host application's own headers. */
  fetch?: RequestInit;
  /** Whether there is a prompt, and in which language: `en` or `zh`. */
  prompt?: boolean | { language: string };
}

/** What a session is opened with. */
export interface CreateSettings extends SessionSettings {
  /** Where the server is mounted: `/handshake` if nothing else is said. */
  base?: string;
  mode?: string;
  /** The name of a form that the host application has registered, in place of a schema. */
  form?: string;
  /** The fields of the form. */
  schema?: Field[];
  /** Values the person has given: theirs, closed to the agent. */
  context?: Record<string, unknown>;
  /** Values the agent may replace. */
  defaults?: Record<string, unknown>;
  /** Shown to both roles. */
  meta?: object;
  /** Ask for a user token: for a page on another origin, or in a frame of another site, which gets no cookie. */
  userToken?: boolean;
}

/** What a session is resumed with. */
export interface ResumeSettings extends SessionSettings {
  /** The former `session.userToken`, where there is no cookie. */
  userToken?: string;
}

/** Whether a form may be submitted. */
export interface Readiness {
  ok: boolean;
  /** Fields that are shown otherwise than when it was asked for: to be looked at first. */
  changed: string[];
  /** Fields whose edits the server has not stored. */
  pending: string[];
  /** The place in the log that the page shows, for the host to hold its reading against. */
  cursor: string | null;
  /** Stands for what the page shows, when it is submitted to the server. */
  digest: string | null;
  /** Why the server could not be asked. */
  error: Error | null;
}

/** What a submission to the server has come to. */
export interface Receipt {
  ok: true;
  id: string;
  at: string;
  digest: string;
  /** By key. */
  authors: Record<string, string>;
  /** What the host's function has returned. */
  result?: any;
}

/** A one-time code for an agent elsewhere, as the person passes it on. */
export interface Pickup {
  /** Gives the prompt to the first who fetches it. */
  url: string;
  /** The code alone, in groups of letters. */
  code: string;
  expiresAt: string;
  expiresIn: number;
  /** A QR code of the address, where the server draws it. */
  svg?: string;
}

/** How the connection stands. */
export type ConnectionState = "connecting" | "open" | "waiting" | "closed";

/** What a change is shown for: `local` is the person's own doing, `error` what takes it back. */
export type Cause = "snapshot" | "local" | "ack" | "error" | (string & {});

/** The events that are made here, never by a frame: their details. */
export interface OwnEvents {
  /** An entry of `session.fields` has changed. Draw from this one. */
  field: { key: string; record: FieldRecord; cause: Cause };
  /** The rows of a list are others, or in another order. */
  rows: { list: string; rows: string[]; cause: Cause };
  /** `session.problems` are others. */
  trouble: { problems: Problem[] };
  /** `session.requests` are others. */
  requests: { requests: Request[] };
  /** `session.prompt` and `session.token` are others, or gone. */
  prompt: { prompt: string | null };
  /** The connection's state is another. The session is over only if `final`. */
  state: { state: ConnectionState; final: boolean; code: number | null; error: Frame | null };
  /** Before a submission: what the page holds back is to be written now. */
  settling: Record<string, never>;
  /** The form goes its ordinary way now, as it was shown. */
  submitting: Record<string, never>;
  /** The server has sent anything. */
  frame: Frame;
}

/** The events of a session. */
export type HandshakeSessionEventMap = {
  [Name in keyof OwnEvents]: CustomEvent<OwnEvents[Name]>;
} & {
  [Type in keyof FrameMembers]: CustomEvent<FrameOf<Type>>;
};

/** One session, as the person's page sees it. Made by `create` or `resume`. */
export class HandshakeSession extends EventTarget {
  /**
   * Open a session on the server.
   *
   * @throws {HandshakeError} if the server refuses.
   */
  static create(settings?: CreateSettings): Promise<HandshakeSession>;
  /**
   * Take a session up again, for instance after a reload. Its values arrive with the first `connected`.
   *
   * @param saved the former `session.saved`.
   */
  static resume(saved: SavedSession, settings?: ResumeSettings): HandshakeSession;
  /** Use `create` or `resume`. */
  constructor(saved: SavedSession, settings?: ResumeSettings);

  id: string;
  mode: string;
  urls: Record<string, string>;
  /** The text for the agent; null after `resume`, once it was replaced elsewhere, and after the end. */
  get prompt(): string | null;
  /** The agent's token, for a page that words its own prompt; null as `prompt` is. */
  get token(): string | null;
  /** The fields of the form, if it is one; known from the start only after `create`. */
  schema: Field[];
  /** The argument for `resume`, safe to keep. */
  get saved(): SavedSession;
  /** Whether the session has ended. */
  get over(): boolean;
  /** The name the agent gives itself, without its invisible parts: a claim, no proof. Empty if unknown. */
  get agent(): string;
  /** The fields to show, by key; `pending` marks unanswered edits and releases. */
  get fields(): Map<string, FieldRecord>;
  /** What is wrong with the values, by the page's own word and the form's validator's. */
  get problems(): Problem[];
  /** What agents ask or suggest, while it is open. */
  get requests(): Request[];
  /** What stands for the state that the server last told of; a submission brings it back. */
  get digest(): string | null;
  get state(): ConnectionState;
  /** The user token, if one was asked for; `resume` takes it on a page without the cookie. */
  get userToken(): string | null;
  /** Seconds the session still has, as far as this page was told. */
  get expiresIn(): number | null;

  /** Open the socket and keep it open until `close`, or until the server says that the session is over. */
  connect(): void;
  /** Leave the session without ending it. Edits made afterwards still reach the server, by POST. */
  close(): void;
  /**
   * Show each field in the control of its name, and report the person's edits there. Controls without an entry in the
   * schema are left alone.
   *
   * @param settings `follow`: the schema is the form's own (`schemaOf`), and changes with it.
   * @returns undoes it.
   */
  bind(form: HTMLFormElement, settings?: { follow?: boolean }): () => void;

  /** Tell what a field shows ahead of its first `field` event, as after a reload: the same value is nothing new then. */
  shows(key: string, value: unknown): void;
  /**
   * Report the person's edit of a field, at each input. The field is theirs from now on.
   *
   * @returns false if there is nothing to report: the session is over, or `key` names no field. The outcome itself comes
   *   as `ack` or `error`.
   * @throws {TypeError | SyntaxError} if the value cannot be told in JSON.
   */
  edit(key: string, value: unknown): boolean;
  /**
   * Let the agent write a field of the person's again, or have a row of theirs. Its value stays.
   *
   * @returns false if the session is over, or `key` names no field.
   */
  release(key: string): boolean;
  /** The ids of a list's rows, in order: a cell of one is the field `${list}/${id}/${name}`. */
  rows(list: string): string[];
  /**
   * Add a row to a list. It is the person's, with all its cells.
   *
   * @param value its cells by name.
   * @param after the row to come behind; null for the first place, nothing for the last.
   * @returns the row's id; null if it was refused, or the session is over.
   */
  addRow(list: string, value?: Record<string, unknown>, after?: string | null): Promise<string | null>;
  /** Remove a row, such as `lines/r3`, and all its cells. Answers as `edit` does. */
  removeRow(key: string): boolean;
  /** Move a row within its list. Answers as `edit` does. */
  moveRow(key: string, after?: string | null): boolean;
  /**
   * Tell what the page itself finds wrong with a field, or with the whole form.
   *
   * @param key of the field; "" for the form.
   * @param msg null if nothing is wrong any more.
   */
  setProblem(key: string, msg: string | null): boolean;
  /**
   * Change the form's schema. Not for a form by name.
   *
   * @returns whether the server has taken it; if not, nothing has changed.
   */
  setSchema(change: SchemaChange): Promise<boolean>;

  /**
   * Decide on a request of an agent's. Nothing is decided by silence.
   *
   * @param request as it was shown.
   * @param values of its `fields`, and of its `key`.
   * @returns the decision in words, to be pasted to the agent, for a request that is `pasted`.
   * @throws {HandshakeError} if the request has ended, or is another than was shown (`changed`).
   */
  answer(
    request: Pick<Request, "id" | "digest" | "key">,
    decision: "accept" | "decline",
    values?: Record<string, unknown>,
  ): Promise<string | undefined>;
  /**
   * Preview or apply the answer of an agent without network access, as the person has pasted it. It is written as the
   * agent's; pasted again, it has no second effect.
   *
   * @param text the answer, with whatever is around it.
   * @param settings `preview`: tell what would become of it, and write nothing.
   * @throws {HandshakeError} if there is no answer to this prompt in it: `unreadable`, `other_prompt`.
   */
  paste(text: string, settings?: { preview?: boolean }): Promise<Pasted>;
  /**
   * Take back what the agent wrote. What the person has written since stays.
   *
   * @param keys of fields, rows or lists; without them, all of it.
   * @returns the keys of what was taken back.
   */
  revert(keys?: string[]): Promise<string[]>;

  /**
   * Wait until the server has answered every edit, in a task of its own.
   *
   * @returns false if it has not stored them all.
   */
  settled(): Promise<boolean>;
  /**
   * Wait until the server has every edit, then show its present values. The person has not seen a value before it
   * appears, so `changed` speaks against a submission.
   *
   * @param patience in milliseconds.
   */
  ready(patience?: number): Promise<Readiness>;
  /**
   * Submit to the server what is shown, once, which ends the session.
   *
   * @throws {HandshakeError} if the server refuses what is shown: `invalid_form` has `problems`.
   */
  submit(): Promise<Receipt | (Readiness & { ok: false })>;
  /** Hold a form's own submission back until the session is ready; the event comes again when the form may go. */
  submit(event: SubmitEvent): Promise<Readiness>;

  /** Replace the agent's token and lock the old one out. Answers the new prompt. */
  rotate(): Promise<string | null>;
  /**
   * Open a one-time code for an agent elsewhere, in the place of any other. `pickedUp` tells of its exchange, which
   * replaces the token, `pickupRefused` of every later try by somebody else.
   */
  pickup(): Promise<Pickup>;
  /** End the session, for the agent too. */
  revoke(): Promise<void>;
  /** Ask for more time, in seconds. Answers the seconds the session now has. */
  extend(seconds: number): Promise<number>;
  /** Read everything the server holds. */
  context(): Promise<Context>;
  /** Read the session's own state. */
  info(): Promise<SessionInfo>;
  /** Copy the prompt. Answers whether there was one and it could be copied. */
  copyPrompt(): Promise<boolean>;

  addEventListener<Name extends keyof HandshakeSessionEventMap>(
    type: Name,
    listener: (this: HandshakeSession, event: HandshakeSessionEventMap[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof HandshakeSessionEventMap>(
    type: Name,
    listener: (this: HandshakeSession, event: HandshakeSessionEventMap[Name]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
