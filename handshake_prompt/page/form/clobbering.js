/**
 * Access to a form's DOM that its own controls cannot clobber: an `<input name="elements">` hides `form.elements`, as
 * one of any other name hides a method (DOM clobbering; HTML, section 4.10.3, [LegacyOverrideBuiltIns]).
 */

/** @param {object} prototype @param {string} name @returns {(node: any, ...given: any[]) => any} */
function method(prototype, name) {
  return (node, ...given) => prototype[name].apply(node, given);
}

/** @param {object} prototype @param {string} name @returns {(node: any) => any} */
function getter(prototype, name) {
  const { get } = /** @type {any} */ (Object.getOwnPropertyDescriptor(prototype, name));
  return (node) => get.call(node);
}

export const elementsOf = getter(HTMLFormElement.prototype, "elements");
export const requestSubmit = method(HTMLFormElement.prototype, "requestSubmit");
export const attributeOf = method(Element.prototype, "getAttribute");
export const listen = method(EventTarget.prototype, "addEventListener");
const parentOf = getter(Node.prototype, "parentElement");
export const rootOf = method(Node.prototype, "getRootNode");

/** Every element below a form, an element or a shadow root, in document order. @returns {Element[]} */
export function below(node) {
  const prototype = node instanceof Element ? Element.prototype : DocumentFragment.prototype;
  return [...prototype.querySelectorAll.call(node, "*")];
}

/** The element around another one, out of its shadow root too. @param {Element} element @returns {Element | null} */
export function around(element) {
  return parentOf(element) ?? rootOf(element).host ?? null;
}
