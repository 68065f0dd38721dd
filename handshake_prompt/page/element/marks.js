/** Marks on a form's controls of whose value they hold: an attribute, which a framework leaves alone, and its style. */

import { rootOf } from "../form/clobbering.js";
import { adoptMarks } from "./styles.js";

const ATTRIBUTE = "data-handshake-by";

/**
 * @param {any[]} controls of one field.
 * @param {string | null} by the author of its value; null to take the mark away.
 */
export function mark(controls, by) {
  for (const control of controls) {
    if (by === null) control.removeAttribute(ATTRIBUTE);
    else control.setAttribute(ATTRIBUTE, by);
    adoptMarks(rootOf(control));
  }
}
