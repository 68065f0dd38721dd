/**
 * The session of a form in one tab, kept over reloads. No credential is in it: the person is proven by a cookie.
 *
 * Pages of one path may show forms of several things, told apart by their query: a session is taken up where its query is
 * the same. Only the page that a submission has led to may have another one (`?error=1`).
 */

import { attributeOf } from "../form/clobbering.js";

/** @typedef {import("../client.js").SavedSession} SavedSession */

/** @param {string} name of the form. @param {string} path of the page. */
function place(name, path) {
  return `handshake-prompt ${path} ${name}`;
}

/** Where it is kept for the page that a submission leads to. @param {string} name */
function departure(name) {
  return `handshake-prompt submitted ${name}`;
}

/** @param {string} name @returns {SavedSession | null} the session to go on with in this page. */
export function saved(name) {
  const here = get(place(name, location.pathname));
  const submitted = get(departure(name));
  put(departure(name), null);
  if (submitted?.paths.includes(location.pathname)) return submitted.session;
  return here?.query === location.search ? here : null;
}

/** @param {string} name @param {SavedSession | null} session */
export function save(name, session) {
  put(place(name, location.pathname), session && { ...session, query: location.search });
}

/**
 * Keep a session, or none, for the page that its form is submitted to, which may show the form again.
 *
 * @param {string} name
 * @param {SavedSession | null} session
 * @param {string} path of that page; it may lead back to this one.
 */
export function saveSubmitted(name, session, path) {
  if (session === null) put(place(name, path), null); // of a submission before
  put(departure(name), session && { session, paths: [path, location.pathname] });
}

/** @param {string} key @returns {any} */
function get(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null; // a page without storage begins anew
  }
}

/** @param {string} key @param {object | null} kept */
function put(key, kept) {
  try {
    if (kept) sessionStorage.setItem(key, JSON.stringify(kept));
    else sessionStorage.removeItem(key);
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
