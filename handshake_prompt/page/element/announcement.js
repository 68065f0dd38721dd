/**
 * Announcement of a session to the request that submits its form. The browser's own submission has members for that; a
 * script of the page's that posts what it likes has not, so a cookie says it, for the moment. It is no credential.
 */

const SECONDS = 60;

/** @param {{id: string, digest: string | null} | null} session whose form is released at this moment; null for none. */
export function announce(session) {
  const isSecure = location.protocol === "https:";
  const name = isSecure ? "__Host-hpp_submission" : "hpp_submission";
  const value = session?.digest ? `${session.id}.${session.digest}; Max-Age=${SECONDS}` : "; Max-Age=0";
  document.cookie = `${name}=${value}; Path=/; SameSite=Strict${isSecure ? "; Secure" : ""}`;
}
