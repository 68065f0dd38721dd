/** The session of a form in one tab, kept over reloads. No credential is in it: the person is proven by a cookie. */

/** @param {string} name of the form. */
function place(name) {
  return `handshake-prompt ${location.pathname} ${name}`;
}

/** @param {string} name @returns {import("../client.js").SavedSession | null} */
export function saved(name) {
  try {
    return JSON.parse(sessionStorage.getItem(place(name)) ?? "null");
  } catch {
    return null; // a page without storage begins anew
  }
}

/** @param {string} name @param {import("../client.js").SavedSession | null} session */
export function save(name, session) {
  try {
    if (session) sessionStorage.setItem(place(name), JSON.stringify(session));
    else sessionStorage.removeItem(place(name));
  } catch {
    // Likewise.
  }
}
