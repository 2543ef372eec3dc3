/** Why there is no way to the gateway, in words for the person at the HMI. */

/** @param code a Node or OpenSSL error code */
export function sayFailure(code: string, gateway: string, timeoutMs: number): string {
  const alert = /_ALERT_(.+)$/.exec(code)?.[1];
  const words =
    alert === undefined
      ? FAILURES[code]
      : (ALERTS[alert] ?? `the gateway refuses the connection (TLS alert ${alert.toLowerCase().replaceAll("_", " ")})`);
  if (words === undefined) return `no connection to ${gateway} (${code})`;
  return words.replaceAll("GATEWAY", gateway).replaceAll("SECONDS", String(timeoutMs / 1000));
}

/** What the gateway did when it ended a connection without ever having answered. */
export function sayEnd(code: string | null, gateway: string, subject: string): string {
  if (code?.includes("_ALERT_") === true) return sayFailure(code, gateway, 0);
  return `the gateway ${gateway} closed the connection before it answered anything: it may not accept this certificate (${subject}); its records say why`;
}

/** Why a session that was under way is over. @param reason a Node or OpenSSL error code, `certificateExpired`, or `closedByGateway` */
export function sayCut(reason: string, gateway: string, subject: string): string {
  if (reason.includes("_ALERT_")) return sayFailure(reason, gateway, 0);
  if (reason === "certificateExpired")
    return `the session at ${gateway} ended: the certificate ${subject} has expired (penstock pki renew)`;
  if (reason !== "closedByGateway") return `the connection to ${gateway} broke (${reason})`;
  return `the gateway ${gateway} ended the session: idle for too long, ended by somebody, its rights taken away, or the gateway stopped; its records say why`;
}

const NOT_OURS = "the certificate of GATEWAY is not from the authority in --ca: this may not be the plant's gateway";

const FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens at GATEWAY: is the gateway running, and is the port right?",
  ETIMEDOUT: "GATEWAY does not answer within SECONDS s: is it switched on, and does a firewall let this computer through?",
  EHOSTUNREACH: "there is no way to GATEWAY: is the network cable in, is the address right?",
  ENETUNREACH: "there is no way to GATEWAY: is the network cable in, is the address right?",
  ENOTFOUND: "the name in GATEWAY is not known: is it written right, does the name server (DNS) know it?",
  EAI_AGAIN: "the name in GATEWAY cannot be looked up: the name server (DNS) does not answer",
  ECONNRESET: "GATEWAY closed the connection during the handshake: does it speak TLS on this port, has it too many connections?",
  ERR_SSL_WRONG_VERSION_NUMBER: "GATEWAY does not speak TLS on this port: is the port right?",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "GATEWAY does not speak TLS on this port: is the port right?",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the certificate of GATEWAY is for another name: is the address right? (--gateway-name states the expected name)",
  CERT_HAS_EXPIRED: "the certificate of GATEWAY has expired (or the clock of this computer is wrong)",
  CERT_NOT_YET_VALID: "the certificate of GATEWAY is not valid yet (or the clock of this computer is wrong)",
  INVALID_PURPOSE: "the certificate of GATEWAY is not one for a gateway: somebody else may answer there",
  SELF_SIGNED_CERT_IN_CHAIN: NOT_OURS,
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_OURS,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_OURS,
  UNABLE_TO_GET_ISSUER_CERT: NOT_OURS,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_OURS,
  CERT_SIGNATURE_FAILURE: NOT_OURS,
};

/** TLS alerts (RFC 8446 §6.2, RFC 5246 §7.2.2) of a gateway, or of what stands before it. */
const ALERTS: Readonly<Record<string, string>> = {
  CERTIFICATE_EXPIRED: "the gateway refuses this certificate: it has expired",
  CERTIFICATE_REVOKED: "the gateway refuses this certificate: it is revoked",
  UNKNOWN_CA: "the gateway refuses this certificate: it does not know its authority",
  BAD_CERTIFICATE: "the gateway refuses this certificate: it is damaged or not allowed",
  UNSUPPORTED_CERTIFICATE: "the gateway refuses this certificate: it is of the wrong kind",
  CERTIFICATE_UNKNOWN: "the gateway refuses this certificate",
  ACCESS_DENIED: "the gateway refuses this certificate: it has no access",
  CERTIFICATE_REQUIRED: "the gateway asks for a certificate and got none",
  HANDSHAKE_FAILURE: "the gateway and this program have no TLS parameters in common",
  PROTOCOL_VERSION: "the gateway speaks no TLS version from 1.2 on",
};
