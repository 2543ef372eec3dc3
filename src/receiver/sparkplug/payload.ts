/**
 * A Sparkplug B payload, to octets and back.
 *
 *     Payload ── timestamp, seq
 *        └── Metric* ── name and alias (births) | alias alone (data), timestamp, type (where named), value | null, historical
 *               └── properties: key -> type, value
 *
 * The wire format is @bufbuild/protobuf's business, with descriptors made from sparkplug.proto and committed (see there). What it adds here:
 * which field holds a value of which type, and that no octets of a stranger throw.
 */
import { create, fromBinary, isFieldSet, toBinary } from "@bufbuild/protobuf";
import { err, ok, type Result } from "#wire";
import {
  MetricSchema,
  PayloadSchema,
  PropertySetSchema,
  PropertyValueSchema,
  type Metric as WireMetric,
  type Payload as WirePayload,
  type PropertySet as WireProperties,
  type PropertyValue as WireProperty,
} from "./sparkplug_pb.ts";
import { codeOf, type DataType, type Field, fromField, toField, typeOfCode, type Uint32Field, type Value } from "./types.ts";

export interface Property {
  readonly type: DataType;
  readonly value: Value;
}

export interface Metric {
  /** null: the alias says which it is, and its type is known from the birth. */
  readonly name: string | null;
  readonly alias: number | null;
  /** null: none is told (the metric of a death). Milliseconds since 1970. */
  readonly timeMs: number | null;
  readonly type: DataType;
  /** null is written as is_null, and so is what its type does not hold. */
  readonly value: Value;
  readonly historical: boolean;
  readonly properties: readonly (readonly [key: string, property: Property])[];
}

export interface Payload {
  readonly timeMs: number | null;
  /** null: a death has none. */
  readonly seq: number | null;
  readonly metrics: readonly Metric[];
}

export function encodePayload(payload: Payload, uint32: Uint32Field = "int"): Uint8Array {
  const wire = create(PayloadSchema);
  if (payload.timeMs !== null) wire.timestamp = stamp(payload.timeMs);
  for (const metric of payload.metrics) wire.metrics.push(wireMetric(metric, uint32));
  if (payload.seq !== null) wire.seq = BigInt(payload.seq);
  return toBinary(PayloadSchema, wire);
}

function wireMetric(metric: Metric, uint32: Uint32Field): WireMetric {
  const wire = create(MetricSchema);
  if (metric.name !== null) wire.name = metric.name;
  if (metric.alias !== null) wire.alias = BigInt(metric.alias);
  if (metric.timeMs !== null) wire.timestamp = stamp(metric.timeMs);
  if (metric.name !== null) wire.datatype = codeOf(metric.type);
  if (metric.historical) wire.isHistorical = true;
  const field = metric.value === null ? null : toField(metric.type, metric.value, uint32);
  if (field === null) wire.isNull = true;
  else wire.value = field;
  if (metric.properties.length > 0) {
    wire.properties = create(PropertySetSchema);
    for (const [key, property] of metric.properties) {
      wire.properties.keys.push(key);
      wire.properties.values.push(wireProperty(property, uint32));
    }
  }
  return wire;
}

function wireProperty({ type, value }: Property, uint32: Uint32Field): WireProperty {
  const wire = create(PropertyValueSchema, { type: codeOf(type) });
  const field = value === null ? null : toField(type, value, uint32);
  if (field === null) wire.isNull = true;
  else wire.value = field;
  return wire;
}

/** The latest time a Date has. */
const LATEST_MS = 8.64e15;

/** No time before 1970 can be written, and no part of a millisecond. What is no time at all is 1970. */
function stamp(timeMs: number): bigint {
  return Number.isNaN(timeMs) ? 0n : BigInt(Math.min(LATEST_MS, Math.max(0, Math.trunc(timeMs))));
}

/** As it came: what was left out is null. */
export interface ReadMetric {
  readonly name: string | null;
  readonly alias: bigint | null;
  readonly timestamp: bigint | null;
  /** null: none was told, or one we do not speak. */
  readonly type: DataType | null;
  /** null: is_null, no value at all, or one in a field that is not its type's. */
  readonly value: Value;
  readonly isNull: boolean;
  readonly historical: boolean;
  readonly properties: ReadonlyMap<string, Property>;
}

export interface ReadPayload {
  readonly timestamp: bigint | null;
  readonly seq: bigint | null;
  readonly metrics: readonly ReadMetric[];
}

export type Malformed = { readonly kind: "tooLong"; readonly octets: number } | { readonly kind: "notPayload" };

/** What we read is commands; a longer one is not looked into. */
export const LONGEST_OCTETS = 1024 * 1024;

/**
 * @param typeOf the type of a metric that tells none, from the birth it was in
 * @error `tooLong`, `notPayload`
 */
export function decodePayload(
  octets: Uint8Array,
  typeOf: (alias: bigint) => DataType | null = () => null,
  longest = LONGEST_OCTETS,
): Result<ReadPayload, Malformed> {
  if (octets.length > longest) return err({ kind: "tooLong", octets: octets.length });
  let wire: WirePayload;
  try {
    wire = fromBinary(PayloadSchema, octets, { readUnknownFields: false });
  } catch {
    return err({ kind: "notPayload" });
  }
  return ok({
    timestamp: isFieldSet(wire, PayloadSchema.field.timestamp) ? wire.timestamp : null,
    seq: isFieldSet(wire, PayloadSchema.field.seq) ? wire.seq : null,
    metrics: wire.metrics.map((metric) => readMetric(metric, typeOf)),
  });
}

function readMetric(wire: WireMetric, typeOf: (alias: bigint) => DataType | null): ReadMetric {
  const { field } = MetricSchema;
  const alias = isFieldSet(wire, field.alias) ? wire.alias : null;
  const told = isFieldSet(wire, field.datatype) ? typeOfCode(wire.datatype) : null;
  const type = told ?? (alias === null ? null : typeOf(alias));
  return {
    name: isFieldSet(wire, field.name) ? wire.name : null,
    alias,
    timestamp: isFieldSet(wire, field.timestamp) ? wire.timestamp : null,
    type,
    value: wire.isNull ? null : readValue(type, wire.value),
    isNull: wire.isNull,
    historical: wire.isHistorical,
    properties: readProperties(wire.properties),
  };
}

function readProperties(wire: WireProperties | undefined): ReadonlyMap<string, Property> {
  const properties = new Map<string, Property>();
  // Keys without values and values without keys belong to nothing.
  for (const [i, value] of (wire?.values ?? []).entries()) {
    const key = wire?.keys[i];
    const type = typeOfCode(value.type);
    if (key === undefined || type === null) continue;
    properties.set(key, { type, value: value.isNull ? null : readValue(type, value.value) });
  }
  return properties;
}

function readValue(type: DataType | null, wire: WireMetric["value"] | WireProperty["value"]): Value {
  if (wire.case === undefined || wire.case === "bytesValue") return null;
  const field: Field = wire;
  return type === null ? field.value : fromField(type, field);
}
