import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { siteJsonSchema } from "#config/schema";
import { SITE_YAML } from "./sample.ts";

const schema = suite("config/schema");
const FILE = path.resolve(import.meta.dirname, "../../policies/schema/site.schema.json");

schema("policies/schema/site.schema.json is what the loader checks (make schemas writes it)", () => {
  const written = readFileSync(FILE, "utf8");
  assert.ok(written === `${JSON.stringify(siteJsonSchema(), null, 2)}\n`, "stale: run make schemas");
});

interface Json {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Json;
  readonly propertyNames?: Json;
  readonly items?: Json;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Json[];
  readonly not?: Json;
}

const KNOWN = new Set(
  "$schema title description default examples type properties required additionalProperties propertyNames items minItems maxItems minimum maximum maxLength pattern enum anyOf not".split(
    " ",
  ),
);

/** As much of JSON Schema 2020-12 as our schemas use: where a value breaks it, else null. An editor does the same. */
function broken(value: unknown, json: Json, at = ""): string | null {
  for (const word of Object.keys(json)) assert.ok(KNOWN.has(word), `the test knows the keyword ${word}`);
  if (json.not !== undefined && broken(value, json.not, at) === null) return `${at} is not to be`;
  if (json.anyOf?.every((way) => broken(value, way, at) !== null)) return `${at} is none of the ways`;
  if (json.enum !== undefined && !json.enum.includes(value)) return `${at} is no word of the list`;
  switch (json.type) {
    case "string":
      if (typeof value !== "string") return `${at} is no text`;
      if (json.maxLength !== undefined && value.length > json.maxLength) return `${at} is too long`;
      return json.pattern === undefined || new RegExp(json.pattern, "u").test(value) ? null : `${at} has another form`;
    case "integer":
      if (!Number.isInteger(value)) return `${at} is no whole number`;
      return (value as number) < (json.minimum ?? -Infinity) || (value as number) > (json.maximum ?? Infinity)
        ? `${at} is out of range`
        : null;
    case "boolean":
      return typeof value === "boolean" ? null : `${at} is no truth value`;
    case "array": {
      if (!Array.isArray(value)) return `${at} is no list`;
      if (value.length < (json.minItems ?? 0) || value.length > (json.maxItems ?? Infinity)) return `${at} has another length`;
      return value.map((item, i) => broken(item, json.items ?? {}, `${at}/${i}`)).find((said) => said !== null) ?? null;
    }
    case "object": {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return `${at} is no map`;
      const missing = json.required?.find((key) => !Object.hasOwn(value, key));
      if (missing !== undefined) return `${at}/${missing} is missing`;
      for (const [key, item] of Object.entries(value)) {
        if (json.propertyNames !== undefined && broken(key, json.propertyNames, key) !== null) return `${at}/${key} is no name`;
        const inner = json.properties?.[key] ?? json.additionalProperties;
        if (inner === false || inner === undefined) return `${at}/${key} is unknown`;
        const said = typeof inner === "object" ? broken(item, inner, `${at}/${key}`) : null;
        if (said !== null) return said;
      }
      return null;
    }
    default:
      return null;
  }
}

const site = JSON.parse(readFileSync(FILE, "utf8")) as Json;

schema("an editor that follows the schema takes the sound sample", () => {
  assert.is(broken(parse(SITE_YAML), site), null);
});

/** A piece of the sample, what stands there instead, where an editor underlines it. */
const UNDERLINED: readonly (readonly [piece: string, instead: string, said: string])[] = [
  ["site: boiler-house\n", "", "/site is missing"],
  ["site: boiler-house", "site: Boiler House", "/site has another form"],
  ["limits: {", "limit: {", "/limit is unknown"],
  ["port: 8021", "port: 65536", "/listeners/0/port is out of range"],
  ["port: 8021, tls: mutual", "port: 8021, tls: server", "/listeners/0/tls is no word of the list"],
  ["asset: boiler-1, interface: scada0, port: 8021", "asset: boiler-1, port: 8021", "/listeners/0/interface is missing"],
  ["may_assert_roles: true", "may_assert_roles: yes", "/tls/ca/0/may_assert_roles is no truth value"],
  ['["cn:vendor"]', '["vendor"]', "/tls/ca/1/may_identify/0 has another form"],
  ['["cn:vendor"]', "[]", "/tls/ca/1/may_identify has another length"],
  ["  pump-1:", "  pump 1:", "/assets/pump 1 is no name"],
  ["units: [2, 1]", "units: [2, 300]", "/assets/boiler-1/units is none of the ways"],
  ["aliases: 102", "alias: 102", "/assets/boiler-1/unit_aliases is none of the ways"],
  ["mode: enforce", "mode: observe", "/assets/boiler-1/mode is no word of the list"],
  ["mode: enforce", "poll: 1s", "/assets/boiler-1/poll is no list"],
  ["mode: enforce", "serial: 1s", "/assets/boiler-1/serial is not to be"],
  ["retain: 30d", "retain: 30", "/audit/retain is no text"],
];

for (const [piece, instead, said] of UNDERLINED) {
  schema(`an editor underlines ${said}`, () => {
    assert.ok(SITE_YAML.includes(piece));
    assert.is(broken(parse(SITE_YAML.replace(piece, instead)), site), said);
  });
}

schema("every key that holds a value is described for whoever writes it", () => {
  const bare: string[] = [];
  const walk = (json: Json & { description?: string }, at: string): void => {
    for (const [key, inner] of Object.entries(json.properties ?? {})) {
      const described = (inner as { description?: string }).description !== undefined;
      if (!described && inner.properties === undefined && inner.items?.properties === undefined) bare.push(`${at}/${key}`);
      walk(inner, `${at}/${key}`);
      if (inner.items !== undefined) walk(inner.items, `${at}/${key}[]`);
      if (typeof inner.additionalProperties === "object") walk(inner.additionalProperties, `${at}/${key}/*`);
    }
  };
  walk(site, "");
  assert.equal(bare, []);
});

schema.run();
