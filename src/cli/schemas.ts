/** `make schemas`: writes the JSON Schemas of `policies/schema/` anew from the code. Not a command of the product. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { receiveJsonSchema } from "#config/receive";
import { siteJsonSchema } from "#config/schema";
import { schemaFiles } from "#policy/schemaFiles";

const folder = path.resolve(import.meta.dirname, "../../policies/schema");
mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, "site.schema.json"), `${JSON.stringify(siteJsonSchema(), null, 2)}\n`);
writeFileSync(path.join(folder, "receive.schema.json"), `${JSON.stringify(receiveJsonSchema(), null, 2)}\n`);
for (const [file, text] of schemaFiles()) writeFileSync(path.join(folder, file), text);
