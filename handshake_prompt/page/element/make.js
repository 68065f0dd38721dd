/** Elements of the tag's own, made by script alone: no text of an agent's or a page's is ever read as markup. */

/**
 * @param {string} tag
 * @param {Record<string, any>} [properties] `part` names it for the page's styles.
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(tag, { part, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (part) element.setAttribute("part", part);
  element.append(...children);
  return element;
}
