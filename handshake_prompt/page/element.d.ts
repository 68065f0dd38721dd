/**
 * One tag that hands an existing form to the person's own AI agent:
 *
 *     <script type="module" src="/handshake/element.js"></script>
 *     <form id="claim">…</form>
 *     <handshake-prompt for="claim"></handshake-prompt>
 *
 * Attributes: `for`, the form's id (else the form around the tag); `name`, a form the host application has registered;
 * `base`, where the server is mounted (`/handshake`); `mode`; `lang`, `en` or `zh`. Parts to style: `panel button status
 * prompt attention action link beacon`.
 */

import type { HandshakeSession } from "./client.js";
import type { FormBinding } from "./form.js";

/** The events of the tag. */
export interface HandshakePromptEventMap extends HTMLElementEventMap {
  /** `element.session` has become another one, or none. */
  session: CustomEvent<{ session: HandshakeSession | null }>;
}

/** The element `<handshake-prompt>`, which this module defines. */
export class HandshakePrompt extends HTMLElement {
  session: HandshakeSession | null;
  /** The form's controls, while there is a session. */
  binding: FormBinding | null;
  /** The form that is handed over. */
  get form(): HTMLFormElement | null;
  /**
   * Open a session for the form if there is none that is this page's.
   *
   * @throws {HandshakeError} if the server refuses.
   */
  open(): Promise<HandshakeSession>;
  /**
   * Open a session for the form if there is none, and copy its prompt. Call it inside a click, or nothing may be copied.
   *
   * @throws {HandshakeError} if the server refuses.
   */
  handOver(): Promise<void>;
  connectedCallback(): void;
  disconnectedCallback(): void;

  addEventListener<Name extends keyof HandshakePromptEventMap>(
    type: Name,
    listener: (this: HandshakePrompt, event: HandshakePromptEventMap[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof HandshakePromptEventMap>(
    type: Name,
    listener: (this: HandshakePrompt, event: HandshakePromptEventMap[Name]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "handshake-prompt": HandshakePrompt;
  }
}
