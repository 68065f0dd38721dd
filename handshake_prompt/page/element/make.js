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

/**
 * @param {string} words
 * @param {() => any} act
 * @param {Record<string, any>} [properties]
 * @returns {HTMLButtonElement}
 */
export function button(words, act, { part = "action", ...properties } = {}) {
  const made = make("button", { type: "button", part, textContent: words, ...properties });
  made.addEventListener("click", act);
  return made;
}

/**
 * A button that looks like a link, in a list that is drawn anew: `id` tells it from the others there.
 *
 * @param {string} words
 * @param {() => any} act
 * @param {{id: string, name?: string}} settings `name` is for a screen reader, where the words alone do not say enough.
 */
export function link(words, act, { id, name }) {
  const made = button(words, act, { className: "link", part: "link" });
  made.dataset.id = id;
  if (name) made.ariaLabel = name;
  return made;
}

/** Set a text, unless it is the same: a screen reader says again what is set again. @param {any} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replace what is shown, unless it is the same; the focus stays where it was. @param {any} part @param {Node[]} nodes */
export function redraw(part, nodes) {
  const holder = make("div", {}, ...nodes);
  if (holder.innerHTML === part.innerHTML) return;
  const { id } = part.getRootNode().activeElement?.dataset ?? {};
  part.replaceChildren(...holder.childNodes);
  if (id) [...part.querySelectorAll("button")].find(({ dataset }) => dataset.id === id)?.focus();
}

/** What elements are made of; a server that renders the page imports the tag as well, and has none. */
export const ElementBase = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/** Define an element, once in a page. @param {string} tag @param {CustomElementConstructor} element */
export function define(tag, element) {
  if (!globalThis.customElements?.get(tag)) globalThis.customElements?.define(tag, element);
}
