/**
 * Access to a form's DOM that its own controls cannot clobber: an `<input name="elements">` hides `form.elements`, as
 * one of any other name hides a method (DOM clobbering; HTML, section 4.10.3, [LegacyOverrideBuiltIns]).
 */

/**
 * The page's classes, by name: they are looked up at the first use, so that a server may import the module too.
 *
 * @typedef {"Element" | "EventTarget" | "HTMLFormElement" | "Node"} ClassName
 */

/** @param {ClassName} type @param {string} name @returns {(node: any, ...given: any[]) => any} */
function method(type, name) {
  return (node, ...given) => globalThis[type].prototype[name].apply(node, given);
}

/** @param {ClassName} type @param {string} name @returns {(node: any) => any} */
function getter(type, name) {
  /** @type {any} */
  let found;
  return (node) => (found ??= Object.getOwnPropertyDescriptor(globalThis[type].prototype, name)).get.call(node);
}

export const elementsOf = getter("HTMLFormElement", "elements");
export const requestSubmit = method("HTMLFormElement", "requestSubmit");
export const attributeOf = method("Element", "getAttribute");
export const listen = method("EventTarget", "addEventListener");
export const prepend = method("Element", "prepend");
export const boxOf = method("Element", "getBoundingClientRect");
export const boxesOf = method("Element", "getClientRects");
const parentOf = getter("Node", "parentElement");
/** Where the second of two nodes is, seen from the first: bits as in `Node.compareDocumentPosition`. */
export const positionOf = method("Node", "compareDocumentPosition");
export const rootOf = method("Node", "getRootNode");

/** Every element below a form, an element or a shadow root, in document order. @returns {Element[]} */
export function below(node) {
  const prototype = node instanceof Element ? Element.prototype : DocumentFragment.prototype;
  return [...prototype.querySelectorAll.call(node, "*")];
}

/** Likewise with those in open shadow roots, behind their host. @param {any} node @returns {Generator<any>} */
export function* deep(node) {
  for (const element of below(node)) {
    yield element;
    if (element.shadowRoot) yield* deep(element.shadowRoot);
  }
}

/** The element around another one, out of its shadow root too. @param {Element} element @returns {Element | null} */
export function around(element) {
  return parentOf(element) ?? rootOf(element).host ?? null;
}
