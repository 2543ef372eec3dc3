/** What is written is held against what is there: links, commands, targets, codes, keys, files, functions; and that nothing names this machine. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DENIALS, SESSION_ENDS } from "#events";
import { DEMANDS } from "#gateway/commandRights";
import { readDocuments } from "#gateway/documents";
import { POINT_COLUMNS } from "#process/pointsFile";

const root = path.resolve(import.meta.dirname, "../..");
const node = ["--disable-warning=ExperimentalWarning"];
const main = path.join(root, "src/cli/main.ts");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && statSync(path.join(root, file), { throwIfNoEntry: false })?.isFile() === true);
const pages = files.filter((file) => file.endsWith(".md"));
const text = (file: string): string => readFileSync(path.join(root, file), "utf8");

const docs = suite("house/docs");

docs("every relative link leads to a file, and to a heading where it names one", () => {
  assert.ok(pages.length > 20, `${pages.length} pages`);
  const wrong: string[] = [];
  let followed = 0;
  for (const page of pages) {
    for (const [, target] of withoutBlocks(text(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (target === undefined || /^[a-z]+:/.test(target)) continue;
      followed += 1;
      const [file = "", heading] = target.split("#");
      const leadsTo = file === "" ? page : path.join(path.dirname(page), file);
      if (!existsSync(path.join(root, leadsTo))) wrong.push(`${page}: ${target}`);
      else if (heading !== undefined && !headingsOf(leadsTo).includes(heading)) wrong.push(`${page}: ${target} (no such heading)`);
    }
  }
  assert.equal(wrong, []);
  assert.ok(followed > 50, `${followed} links`);
});

docs("every make target that is named exists, and `make` tells of every target", () => {
  const makefile = text("Makefile");
  const targets = [...makefile.matchAll(/^([a-z]+):/gm)].map(([, name]) => name as string);
  const wrong = pages.flatMap((page) =>
    [...codeOf(text(page)).matchAll(/\bmake ([a-z]+)/g)]
      .filter(([, name]) => !targets.includes(name as string))
      .map(([all]) => `${page}: ${all}`),
  );
  assert.equal(wrong, []);
  for (const name of ["demo", "test", "check", "build", "bench", "fuzz"]) assert.ok(targets.includes(name), name);
  const silent = targets.filter((name) => !new RegExp(`^${name}:.*## `, "m").test(makefile));
  assert.equal(silent, []);
});

docs("every command and option that is named exists", async () => {
  const named = pages.flatMap((page) => linesOfCommands(text(page)).map((words) => ({ page, words, command: commandOf(words) })));
  const commands = [...new Set([...GROUPS, ...named.map(({ command }) => command)])];
  const helps = await helpOf(commands);
  const wrong = named.flatMap(({ page, words, command }) => {
    const known = helps.get(command) ?? "";
    const [first = "", second = ""] = command.split(" ");
    const group = second === "" ? "" : first;
    const exists = commandsIn(helps.get("") ?? "").has(first) && (group === "" || commandsIn(helps.get(group) ?? "").has(second));
    const listed = GROUPS.includes(first) && second !== "" ? (words[1] ?? "").split("|") : [];
    const alternatives = listed.filter((each) => !commandsIn(helps.get(first) ?? "").has(each));
    const options = words.filter((word) => /^--[a-z-]+$/.test(word) && !new RegExp(`${word}\\b`).test(known));
    return exists && alternatives.length === 0 && options.length === 0 ? [] : [`${page}: penstock ${words.join(" ")}`];
  });
  assert.equal(wrong, []);
  assert.ok(commands.length > 20, commands.join(", "));
});

docs("docs/operating.md explains every denial code and every way a session ends, and no other", () => {
  const page = text("docs/operating.md");
  const told = (from: string, to: string): string[] => firstCells(page.slice(page.indexOf(from), page.indexOf(to)));
  assert.equal(told("### Refused requests", "### No session").sort(), Object.keys(DENIALS).sort());
  assert.equal(told("### No session", "## Certificates").sort(), [...SESSION_ENDS].sort());
});

for (const [page, schemas] of [
  ["docs/site.md", ["site"]],
  ["docs/policy.md", ["policy", "cases"]],
] as const) {
  docs(`${page} explains every key of ${schemas.join(" and ")}`, () => {
    const keys = new Set(schemas.flatMap((name) => keysOf(JSON.parse(text(`policies/schema/${name}.schema.json`)))));
    assert.ok(keys.size > 10, `${keys.size} keys`);
    const told = spansOf(text(page)).join("\n");
    const silent = [...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(told));
    assert.equal(silent, []);
  });
}

docs("docs/policy.md tells the right of every command, as the gateway asks for it", () => {
  const [, section = ""] = text("docs/policy.md").split("\n## manage\n");
  const told = [...(section.split("\n## ")[0] ?? "").matchAll(/^\| `([^`]+)` \| `([^`]+)` \| (`"\*"`)?/gm)].map(
    ([, command, right, everywhere]) => `${command} ${right} ${everywhere === undefined ? "asset" : "gateway"}`,
  );
  const asked = Object.values(DEMANDS).flatMap((demand) => (demand === null ? [] : `${demand.command} ${demand.right} ${demand.about}`));
  assert.equal(told.sort(), asked.sort());
});

docs("docs/site.md explains every column of a points file", () => {
  const told = firstCells(text("docs/site.md").split("## The points file")[1] as string);
  assert.equal(told.sort(), [...POINT_COLUMNS.required, ...POINT_COLUMNS.optional].sort());
});

docs("the examples of docs/site.md and docs/policy.md are one whole site whose cases pass", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-docs-"));
  try {
    const site = blocksOf(text("docs/site.md"));
    const policy = blocksOf(text("docs/policy.md"));
    mkdirSync(path.join(dir, "points"));
    writeFileSync(path.join(dir, "site.yaml"), only(site, "yaml", 0));
    writeFileSync(path.join(dir, "points/boiler-1.csv"), only(site, "csv", 0));
    writeFileSync(path.join(dir, "policy.yaml"), only(policy, "yaml", 0));
    const cases = policy.filter(({ content }) => content.startsWith("- { as:"));
    writeFileSync(path.join(dir, "docs.cases.yaml"), only(cases, "yaml", 0));
    const { documents, failed } = await readDocuments(path.join(dir, "site.yaml"), path.join(dir, "policy.yaml"));
    assert.equal(failed, []);
    assert.is(documents.cases.flatMap(({ cases }) => cases).length, 9);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

docs("every file that a page names is there, and so is every function named with it", () => {
  const wrong: string[] = [];
  let named = 0;
  for (const page of pages) {
    for (const [, file, rest] of text(page).matchAll(
      /`((?:src|protocols|test|bench|policies)\/[\w./-]+\.(?:ts|json|md|csv|yaml))`((?:,? `[\w.#]+`)*)/g,
    )) {
      named += 1;
      if (!existsSync(path.join(root, file as string))) {
        wrong.push(`${page}: ${file}`);
        continue;
      }
      if (!page.endsWith("architecture.md")) continue;
      for (const [, name] of (rest as string).matchAll(/`([\w.#]+)`/g)) {
        const parts = (name as string).split(".");
        if (parts.at(-1) === "ts") continue; // a neighbour: `transactions.ts`, `pace.ts`
        for (const part of parts) if (!text(file as string).includes(part)) wrong.push(`${page}: ${file} has no ${part}`);
      }
    }
  }
  assert.equal(wrong, []);
  assert.ok(named > 60, `${named} files named`);
});

docs("the rooms of docs/architecture.md are those of the import test", () => {
  const may = new Map(
    [...text("test/house/imports.test.ts").matchAll(/^ {2}(\w+): \[([^\]]*)\]/gm)].map(([, room, list]) => [
      room as string,
      [...(list as string).matchAll(/"(\w+)"/g)].map(([, name]) => name as string).sort(),
    ]),
  );
  assert.ok(may.size > 15, `${may.size} rooms`);
  const [, table = ""] = text("docs/architecture.md").split("## The rooms");
  const told = new Set<string>();
  for (const [, rooms, list] of table.matchAll(/^\| (`(?:src|protocols)[^|]*) \| ([^|]*) \|/gm)) {
    for (const [, room] of (rooms as string).matchAll(/`(?:src|protocols)\/(\w+)(?:\.ts)?`/g)) {
      told.add(room as string);
      const words = list as string;
      if (words.startsWith("nothing")) assert.equal(may.get(room as string), [], room);
      else if (words === "all of the above") assert.equal(may.get("cli"), [...may.keys()].filter((each) => each !== "cli").sort());
      else if (words.startsWith("all of the above but"))
        assert.equal(
          may.get(room as string),
          [...may.keys()].filter((each) => !["cli", room, ...words.matchAll(/\w+/g)].flat().includes(each)).sort(),
        );
      else assert.equal(may.get(room as string), words.split(", ").sort(), room);
    }
  }
  assert.equal([...told].sort(), [...may.keys()].sort());
});

docs("every decision stands in the index, numbered without gaps", () => {
  const adrs = globSync("docs/adr/[0-9]*.md", { cwd: root })
    .map((file) => path.basename(file))
    .sort();
  const index = text("docs/adr/README.md");
  adrs.forEach((file, i) => {
    const number = String(i + 1).padStart(4, "0");
    assert.ok(file.startsWith(`${number}-`), file);
    assert.match(text(`docs/adr/${file}`), new RegExp(`^# ${number}: `), file);
    assert.match(text(`docs/adr/${file}`), /\*\*Rejected\.\*\*/, file);
    assert.ok(index.includes(`](${file})`), `${file} in the index`);
  });
});

docs("no file names this machine or how it was made here", () => {
  // Put together from parts, so that this file does not name them either.
  const names = [
    ["/wo", "rk/(?:main|shared)"],
    ["/tmp", "/w/"],
    ["\\.libr", "ary/"],
    ["cla", "ude"],
    ["anth", "ropic"],
  ];
  const forbidden = new RegExp(names.map((parts) => parts.join("")).join("|"), "i");
  const wrong = files.flatMap((file) => {
    const found = forbidden.exec(readFileSync(path.join(root, file), "latin1"));
    return found === null ? [] : [`${file}: ${found[0]}`];
  });
  assert.equal(wrong, []);
  // Where packages are fetched from is each machine's own matter.
  assert.not.match(text("package-lock.json"), /"resolved": "https?:/);
});

docs("examples/smallest runs: reads, allows a write, refuses two", async () => {
  const { code, said } = await run([...node, path.join(root, "examples/smallest/run.ts"), "--check"]);
  assert.is(code, 0, said);
  assert.match(said, /read level: 187; write 2\.5 m: 250; write 3\.1 m: exception 1; write the fan's speed: exception 1/);
});

/** A page without its fenced blocks. */
function withoutBlocks(page: string): string {
  return page.replaceAll(/^```[\s\S]*?^```/gm, "");
}

interface Block {
  readonly language: string;
  readonly content: string;
}

function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(([, language, content]) => ({
    language: language ?? "",
    content: content ?? "",
  }));
}

function only(blocks: readonly Block[], language: string, index: number): string {
  const found = blocks.filter((block) => block.language === language)[index];
  if (found === undefined) throw new Error(`no ${language} block ${index}`);
  return found.content;
}

/** What stands between single backticks. */
function spansOf(page: string): string[] {
  return [...withoutBlocks(page).matchAll(/`([^`\n]+)`/g)].map(([, span]) => span as string);
}

/** Everything in fixed width: fenced blocks and what stands between single backticks. */
function codeOf(page: string): string {
  return [...blocksOf(page).map(({ content }) => content), ...spansOf(page)].join("\n");
}

/** Words after `penstock` in each command line of the page, what stands behind a comment or a pipe left out. */
function linesOfCommands(page: string): readonly (readonly string[])[] {
  const lines = codeOf(page).matchAll(/^(?:\$ )?(?:npm run -s )?penstock (?:-- )?([a-z][^\n#>]*)/gm);
  return [...lines].map(
    ([, words]) =>
      (words as string)
        .split(/ \| | {3,}|;/)[0]
        ?.trim()
        .split(/\s+/) ?? [],
  );
}

function commandsIn(helpText: string): ReadonlySet<string> {
  const [, list = ""] = helpText.split("Commands:");
  return new Set([...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name as string));
}

const GROUPS = ["", "policy", "pki", "audit", "clock", "session", "points", "receive"];

/** `audit show` of `audit show|export DIR --who alice`; `run` of `run --site site.yaml`; a group spoken of as such is itself. */
function commandOf(words: readonly string[]): string {
  const [first = "", second = ""] = words;
  if (!GROUPS.includes(first) || !/^[a-z]/.test(second)) return first;
  return `${first} ${second.split("|")[0]}`;
}

/** All help texts from one process: the command line is evaluated anew for each, what it imports is loaded once. */
async function helpOf(commands: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const script = `for (const [i, command] of ${JSON.stringify(commands)}.entries()) {
    process.argv = ["node", "penstock", ...command.split(" ").filter(Boolean), "--help"];
    await import(${JSON.stringify(pathToFileURL(main).href)} + "?" + i);
    process.stdout.write("\\0");
  }`;
  const { said } = await run([...node, "--input-type=module", "--eval", script]);
  const texts = said.split("\0");
  return new Map(commands.map((command, i) => [command, texts[i] ?? ""]));
}

function run(args: readonly string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), said: stdout + stderr }),
    );
  });
}

/** What stands in fixed width in the first cells of a table. */
function firstCells(part: string): string[] {
  return [...part.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell]) =>
    [...(cell as string).matchAll(/`([^`]+)`/g)].map(([, code]) => code as string),
  );
}

/** Headings as links name them. */
function headingsOf(page: string): string[] {
  return [...withoutBlocks(text(page)).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

function keysOf(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(keysOf);
  if (typeof schema !== "object" || schema === null) return [];
  const own =
    "properties" in schema && typeof schema.properties === "object" && schema.properties !== null ? Object.keys(schema.properties) : [];
  return [...own, ...Object.values(schema).flatMap(keysOf)];
}

docs.run();
