/**
 * A form drawn from its fields, such as those of a form that the host application has registered:
 *
 *     const { fields, defaults } = await (await fetch("/handshake/forms/claim")).json();
 *     drawForm(fields, { form: document.getElementById("claim"), values: defaults });
 */

import type { Field } from "./wire.js";

/** The parts of a drawn form that have classes. */
export type DrawnPart =
  | "fields" | "group" | "legend" | "field" | "label" | "mark" | "control" | "hint" | "choices" | "choice"
  | "rows" | "row" | "button";

/** How a form is drawn. */
export interface DrawSettings {
  /** The form that the fields are put into, ahead of what is in it; a new one if there is none. */
  form?: HTMLFormElement | null;
  /** What the form begins with, by key; those of a list of rows are objects. */
  values?: Record<string, unknown>;
  /** Of the words that are not the form's own: `en` or `zh`, the page's if not given. */
  language?: string;
  /** The page's own class names. */
  classes?: Partial<Record<DrawnPart, string>>;
}

/**
 * Draw the fields of a form. Captchas and signatures are left out.
 *
 * @returns the form.
 */
export function drawForm(fields: Field[], settings?: DrawSettings): HTMLFormElement;
