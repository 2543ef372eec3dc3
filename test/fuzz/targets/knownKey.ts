/** An Ed25519 key that anybody can make: what it signs is the same at every run, and nothing is trusted to it. */
import { createPrivateKey, createPublicKey } from "node:crypto";

const PKCS8_ED25519 = "302e020100300506032b657004220420";

export const KNOWN_KEY = createPrivateKey({ key: Buffer.from(PKCS8_ED25519 + "07".repeat(32), "hex"), format: "der", type: "pkcs8" });
export const KNOWN_PUBLIC_KEY = createPublicKey(KNOWN_KEY);
