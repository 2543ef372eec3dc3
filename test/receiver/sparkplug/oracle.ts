/** Eclipse Tahu's decoder, which shares nothing with ours; a development dependency and no more (its licence, and what it gets wrong). */
import { createRequire } from "node:module";
import type { UPayload } from "sparkplug-payload/lib/sparkplugbpayload.js";

const require = createRequire(import.meta.url);

interface Fields {
  readonly intValue?: number;
  readonly longValue?: object;
  readonly floatValue?: number;
  readonly doubleValue?: number;
  readonly booleanValue?: boolean;
  readonly stringValue?: string;
}

/** A payload as it is on the wire: what is not there is undefined. */
export interface WireFields {
  readonly timestamp?: object;
  readonly seq?: object;
  readonly metrics: readonly (Fields & {
    readonly name?: string;
    readonly alias?: object;
    readonly timestamp?: object;
    readonly datatype?: number;
    readonly isHistorical?: boolean;
    readonly isNull?: boolean;
    readonly properties?: {
      readonly keys: readonly string[];
      readonly values: readonly (Fields & { readonly type?: number; readonly isNull?: boolean })[];
    };
  })[];
}

interface PayloadClass {
  decode(octets: Uint8Array): unknown;
  toObject(message: unknown, options: object): WireFields;
}

const { org } = require("sparkplug-payload/lib/sparkplugPayloadProto.js") as {
  org: { eclipse: { tahu: { protobuf: { Payload: PayloadClass } } } };
};
const { decodePayload } = require("sparkplug-payload/lib/sparkplugbpayload.js") as { decodePayload(octets: Uint8Array): UPayload };

export function oracle(octets: Uint8Array): UPayload {
  return decodePayload(octets);
}

export function oracleFields(octets: Uint8Array): WireFields {
  const { Payload } = org.eclipse.tahu.protobuf;
  return Payload.toObject(Payload.decode(octets), { arrays: true });
}
