/** The session of a form in one tab, kept over reloads. No credential is in it: the person is proven by a cookie. */

import { attributeOf } from "../form/clobbering.js";

/** @param {string} name of the form. @param {string} path of the page. */
function place(name, path) {
  return `handshake-prompt ${path} ${name}`;
}

/** @param {string} name @returns {import("../client.js").SavedSession | null} */
export function saved(name) {
  try {
    return JSON.parse(sessionStorage.getItem(place(name, location.pathname)) ?? "null");
  } catch {
    return null; // a page without storage begins anew
  }
}

/**
 * @param {string} name
 * @param {import("../client.js").SavedSession | null} session
 * @param {string} [path] of another page that may show the form.
 */
export function save(name, session, path = location.pathname) {
  try {
    if (session) sessionStorage.setItem(place(name, path), JSON.stringify(session));
    else sessionStorage.removeItem(place(name, path));
  } catch {
    // Likewise.
  }
}

/**
 * The path of the page that a form leads to, which may show the form again.
 *
 * @param {HTMLFormElement} form
 * @param {Element | null} submitter
 */
export function pathOf(form, submitter) {
  const action = submitter?.getAttribute("formaction") ?? attributeOf(form, "action") ?? "";
  return Object.assign(document.createElement("a"), { href: action }).pathname;
}
