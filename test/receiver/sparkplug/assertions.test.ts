/** docs/sparkplug.md says which test holds which assertion of the specification. It is held to that. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const assertions = suite("receiver/sparkplug/assertions");
const root = path.resolve(import.meta.dirname, "../../..");
const text = (file: string): string => readFileSync(path.join(root, file), "utf8");

const page = text("docs/sparkplug.md");
const [held = "", rest = ""] = page.slice(page.indexOf("## The specification's assertions")).split("### Not held");
const [open = "", never = ""] = rest.split("### Of what is never sent");
const rows = [...held.matchAll(/^\| `(tck-id-[A-Za-z0-9-]+)` \| (.+) \|$/gm)].map(([, id = "", test = ""]) => ({ id, test }));
const idsIn = (part: string): string[] => [...part.matchAll(/`(tck-id-[A-Za-z0-9-]+)`/g)].map(([, id]) => id as string);

assertions("each assertion is named once", () => {
  const all = [...rows.map(({ id }) => id), ...idsIn(open), ...idsIn(never)];
  assert.is(new Set(all).size, all.length);
  assert.ok(rows.length > 100);
});

assertions("each test that is named exists, and what every message is held against is what the host names", () => {
  const host = text("test/receiver/sparkplug/host.ts");
  const wrong = rows.filter(({ id, test }) => {
    if (test === "every message") return !new RegExp(`${id}(?![A-Za-z0-9-])`).test(host);
    const [, file = "", title = ""] = /^`([A-Za-z.]+)`: (.+)$/.exec(test) ?? [];
    const tests = text(`test/receiver/sparkplug/${file}.test.ts`);
    return file === "" || !(tests.includes(`"${title}",`) || tests.includes(`\`${title}\`,`));
  });
  assert.equal(wrong, []);
  const told = new Set(rows.filter(({ test }) => test === "every message").map(({ id }) => id));
  const untold = [...host.matchAll(/tck-id-[A-Za-z0-9-]+/g)].map(([id]) => id).filter((id) => !told.has(id));
  assert.equal(untold, []);
});

assertions("nine of ten are held, and the page counts them right", () => {
  const total = rows.length + idsIn(open).length;
  assert.ok(rows.length / total >= 0.9);
  assert.match(page, `${rows.length} of ${total} are held (${Math.floor((rows.length * 100) / total)} %)`);
});

assertions.run();
