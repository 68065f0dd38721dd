/**
 * Any form of a page's own as the form of a session, derived from its controls.
 *
 *     const schema = schemaOf(form);
 *     const session = await HandshakeSession.create({ mode: "form-fill", schema, ...valuesOf(form, schema) });
 *     session.bind(form, { follow: true });
 */

import type { HandshakeSession } from "./client.js";
import type { Field, JsonValue, Values } from "./wire.js";

/** An input, a select, a textarea, or a form-associated custom element. */
export type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement | HTMLElement;

/** Derive the fields of a form from its controls. */
export function schemaOf(form: HTMLFormElement): Field[];

/**
 * The values of a form for `HandshakeSession.create`: the person's changes are theirs, the page's own values are open to
 * the agent. Only fields of the schema are read.
 */
export function valuesOf(form: HTMLFormElement, schema?: Field[]): { context: Values; defaults: Values };

/** The settings of a binding. */
export interface BindSettings {
  /** The schema is the form's own, and changes with it. */
  follow?: boolean;
}

/**
 * Show a session's fields in a form, and report the person's edits there. `session.bind` is the same.
 *
 * @param given the values at creation: edits since then are reported at once.
 * @returns undoes it.
 */
export function bind(
  session: HandshakeSession,
  form: HTMLFormElement,
  given: Record<string, unknown>,
  settings?: BindSettings,
): () => void;

/** The events of a binding. */
export interface FormBindingEventMap {
  /** A value waits for the person to leave its control, or (`value` undefined) does not any more. */
  offer: CustomEvent<{ key: string; value?: JsonValue }>;
  /** The form has other controls than before. */
  change: CustomEvent<null>;
}

/** Shows a session's fields in a form, and reports the person's edits there. */
export class FormBinding extends EventTarget {
  constructor(
    session: HandshakeSession,
    form: HTMLFormElement,
    given: Record<string, unknown>,
    settings?: BindSettings,
  );
  /** The values that wait, by key. */
  offers: Map<string, JsonValue>;
  /** Those of the form, and of the rows that the page shows. */
  get fields(): Field[];
  /** Leave the form alone from now on. */
  stop(): void;
  /** Show a value that waits, though the person is in its control. */
  accept(key: string): void;
  /** Report all that the controls show: a person who submits a form means what they see. */
  report(): void;
  /** The controls of a field. */
  controlsOf(key: string): Control[];

  addEventListener<Name extends keyof FormBindingEventMap>(
    type: Name,
    listener: (this: FormBinding, event: FormBindingEventMap[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof FormBindingEventMap>(
    type: Name,
    listener: (this: FormBinding, event: FormBindingEventMap[Name]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** The controls of one form as they are at present. */
export class ControlIndex {
  /** @param ids of the elements that rows are shown in, as far as they have any. */
  constructor(form: HTMLFormElement, ids?: WeakMap<Element, string>);
  controls: Control[];
  /** The controls of a field. */
  of(key: string): Control[];
  /** The rows of a list that the page shows, with the controls of each cell. */
  rows(list: string): { row: Element; cells: Map<string, Control[]> }[];
  /** The key derived from a control, if it is in a field. */
  keyOf(control: Control): string | undefined;
  /** Whether a control had another name in an earlier index. */
  isRenamed(control: Control, before: ControlIndex): boolean;
  /** The keys that a control may be known by, the derived one first. */
  keysOf(control: Control): string[];
  has(element: unknown): boolean;
  /** The shadow roots that controls are in. */
  get shadowRoots(): Set<ShadowRoot>;
}
