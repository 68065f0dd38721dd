/**
 * Reach of an address: whether an agent elsewhere, such as one in the cloud, can get there. As the server's own
 * `texts/local_hosts.py`: a test holds the two against each other.
 */

/** Of names for one machine or network (RFC 6761, 6762, 8375), and those in use for it. */
const LOCAL_NAME = /(^|\.)(localhost|local|lan|internal|intranet|home\.arpa|test)$|^[^.]+$/;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
/** Not of the whole internet (RFC 6890 and the registry of IANA's that it has begun). */
const LOCAL_IPV4 = new RegExp(
  "^(0|10|127|169\\.254|172\\.(1[6-9]|2\\d|3[01])|192\\.(168|0\\.[02])|100\\.(6[4-9]|[7-9]\\d|1[01]\\d|12[0-7])" +
    "|198\\.(1[89]|51\\.100)|203\\.0\\.113|2[4-5]\\d)\\.",
);
const MAPPED = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/;
/** Unicast addresses of the whole internet, but for those of documents (RFC 4291, 3849, 9637). */
const GLOBAL_IPV6 = /^\[(?!2001:db8:|3fff:0?[0-9a-f]{1,3}:)[23][0-9a-f]{3}:/;

/** Whether the host of an address is known to be on the person's own machine or network. @param {string} address */
export function isLocal(address) {
  const { hostname } = new URL(address);
  if (!hostname.startsWith("[")) return isLocalName(hostname.replace(/\.$/, ""));
  const mapped = MAPPED.exec(hostname)?.slice(1).map((group) => parseInt(group, 16));
  if (mapped) return LOCAL_IPV4.test(mapped.flatMap((group) => [group >> 8, group & 255]).join("."));
  return !GLOBAL_IPV6.test(hostname);
}

/** @param {string} name @returns {boolean} */
function isLocalName(name) {
  return IPV4.test(name) ? LOCAL_IPV4.test(name) : LOCAL_NAME.test(name);
}

/** The address in a prompt's own lines, where an agent finds the server. @param {string | null} prompt */
export function addressOf(prompt) {
  return /^- baseUrl: (\S+)$/m.exec(prompt ?? "")?.[1] ?? null;
}
