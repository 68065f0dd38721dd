/** Elements of a drawn form, made by script alone: no text of a form's is ever read as markup. */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} attributes those that are false, empty or not there are left out.
 * @param {...(Node | string | null)} children
 * @returns {any}
 */
export function node(tag, attributes, ...children) {
  const made = set(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** @param {any} element @param {Record<string, unknown>} attributes @returns {any} the element. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value === undefined || value === false || value === "") element.removeAttribute(name);
    else element.setAttribute(name, String(value));
  }
  return element;
}
