/** Writes `policies/schema/site.schema.json` anew. Run by `make schemas`; imported by nothing. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { siteJsonSchema } from "./schema.ts";

const folder = path.resolve(import.meta.dirname, "../../policies/schema");
mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, "site.schema.json"), `${JSON.stringify(siteJsonSchema(), null, 2)}\n`);
