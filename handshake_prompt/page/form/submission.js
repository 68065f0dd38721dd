/** Submission of a form, kept from what an agent sets off: a page may submit on `change`, and only the person submits. */

/**
 * Do something during which a form is not submitted, neither by a button nor by a script.
 *
 * @param {HTMLFormElement} form
 * @param {() => void} work
 */
export function withoutSubmission(form, work) {
  const refuse = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const own = Object.getOwnPropertyDescriptor(form, "submit");
  window.addEventListener("submit", refuse, true);
  // By reflection, since an `<input name="submit">` lets nothing else have the name.
  Reflect.defineProperty(form, "submit", { value: () => {}, configurable: true });
  try {
    work();
  } finally {
    window.removeEventListener("submit", refuse, true);
    if (own) Reflect.defineProperty(form, "submit", own);
    else Reflect.deleteProperty(form, "submit");
  }
}
