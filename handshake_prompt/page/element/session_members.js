/** Members of a submitted form: the session, and what stands for the state that the page shows. */

const SESSION = "handshakeSession";
const DIGEST = "handshakeDigest";

/**
 * Have a form that is submitted tell what it belongs to.
 *
 * @param {FormData} formData
 * @param {import("../client.js").HandshakeSession | null} session
 */
export function nameSession(formData, session) {
  if (!session) return;
  formData.set(SESSION, session.id);
  if (session.digest) formData.set(DIGEST, session.digest);
}
