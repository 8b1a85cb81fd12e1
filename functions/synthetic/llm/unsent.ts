/**
 * Whether a request that has failed can have reached the provider.
 *
 * @module
 */

/** Node's: nobody was connected to, or it was somebody else. */
const CODES = [
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UND_ERR_CONNECT_TIMEOUT",
];
/** Deno's words for the same. */
const CONNECTING = /client error \(Connect\)|error trying to connect/;

/** @param error What `fetch` has thrown. False where nobody can tell. */
export function wasNeverSent(error: unknown): boolean {
  const { message, cause } = Object(error) as Partial<Error>;
  const { code, message: why } = Object(cause) as { code?: unknown; message?: unknown };
  return CODES.includes(String(code)) || CONNECTING.test(`${message} ${why}`);
}
