/** What our TLS is made with, on both ends: versions, suites, signatures, and a certificate with its key. */
import crypto from "node:crypto";
import tls from "node:tls";

/**
 * Ephemeral key exchange and authenticated encryption only (RULINGS 17). The two AES-128-GCM suites are what Modbus/TCP Security asks of a
 * server with an RSA and with an ECC key (its ); TLS 1.3 suites first.
 */
const SUITES = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_CCM_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

const GROUPS = "X25519:P-256:P-384";

/** No SHA-1, no MD5 (R-50..52 of Modbus/TCP Security). */
const SIGNATURES = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ed25519",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pss_pss_sha256",
  "rsa_pss_pss_sha384",
  "rsa_pss_pss_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
].join(":");

export const PARAMETERS = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: SUITES,
  ecdhCurve: GROUPS,
  sigalgs: SIGNATURES,
  // Resumption skips the look at the certificate. Node's server keeps no session by itself; without tickets there is nothing else to resume.
  secureOptions: crypto.constants.SSL_OP_NO_TICKET | crypto.constants.SSL_OP_NO_RENEGOTIATION | crypto.constants.SSL_OP_NO_COMPRESSION,
} as const satisfies tls.SecureContextOptions;

export interface TlsContext {
  /** Our certificate, then its intermediates. */
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Authorities of the peers; at least one. */
  readonly caPem: readonly string[];
}

/**
 * What a TLS server of ours is made with, for a server that is not a listener of streams.
 *
 * @throws before anything in use is touched: the crypto library's error, or `KeyMismatch`
 */
export function contextOptions(context: TlsContext): tls.SecureContextOptions & tls.TlsOptions {
  // Without a list the library would trust every public authority.
  if (context.caPem.length === 0) throw new TypeError("a TLS context needs at least one authority");
  // The library notices a key of another certificate only where both are of one kind.
  const key = crypto.createPrivateKey(context.keyPem);
  if (!new crypto.X509Certificate(context.certificatePem).checkPrivateKey(key)) throw new KeyMismatch();
  const options = { ...PARAMETERS, cert: context.certificatePem, key: context.keyPem, ca: [...context.caPem] };
  tls.createSecureContext(options);
  return options;
}

/** The private key does not belong to the certificate. */
export class KeyMismatch extends Error {
  readonly code = "ERR_OSSL_X509_KEY_VALUES_MISMATCH";

  constructor() {
    super("the private key does not belong to the certificate");
  }
}
