/** The JSON Schemas that editors read, by file name in `policies/schema/`. */
import { jsonSchemaOf } from "#documents/shape";
import { CASES_SHAPE, POLICY_SHAPE } from "./schema.ts";

export function schemaFiles(): ReadonlyMap<string, string> {
  const schemas = [
    ["policy.schema.json", jsonSchemaOf(POLICY_SHAPE, "Penstock policy.yaml")],
    ["cases.schema.json", jsonSchemaOf(CASES_SHAPE, "Penstock *.cases.yaml")],
  ] as const;
  return new Map(schemas.map(([file, schema]) => [file, `${JSON.stringify(schema, null, 2)}\n`]));
}
