/** Files of an outstation: by name, by what is wanted of them, and by handles that are the session's own. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Asset } from "#gateway/asset";
import { fileBlock, fileClose, fileCommand, fileInfo, join } from "#test/peers/dnp3/builders";
import type { Master, Reply } from "#test/peers/dnp3/master";
import { until } from "#test/support/house";
import { Substation } from "#test/support/substation";

const [READ, WRITE, OPEN, CLOSE, DELETE, INFO, AUTHENTICATE] = [1, 2, 25, 26, 27, 28, 29] as const;
const [FOR_READING, FOR_WRITING] = [1, 2] as const;

const POLICY = `policy: files
version: 1
roles:
  operator:
    - { id: logs, allow: file, actions: [open, read, list], on: plc, files: ["/logs/*.txt"] }
    - { id: settings, allow: file, actions: [open, write], on: plc, files: [/settings.cfg] }
    - { id: tidy, allow: file, actions: delete, on: plc, files: ["/logs/old*"] }
    - { id: not-this, deny: file, on: plc, files: ["/logs/secret*"] }
bindings:
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
`;

const files = suite<{ station: Substation | null }>("gateway/dnp3/files");
files.after.each(async (context) => {
  await context.station?.close();
  context.station = null;
});

async function opening(context: { station: Substation | null }): Promise<{ station: Substation; alice: Master }> {
  const station = await Substation.open({ policy: POLICY });
  context.station = station;
  for (const name of ["/logs/today.txt", "/logs/old-1.txt", "/logs/secret.txt", "/logs/deep/a.txt", "/settings.cfg"])
    station.outstation.files.set(name, new TextEncoder().encode(`in ${name}`));
  return { station, alice: await station.operator() };
}

/** The handle an OPEN was answered with: behind header and size. */
const handleOf = ({ objects }: Reply): number => Buffer.from(objects).readUInt32LE(6);
const open = (master: Master, name: string, mode: number = FOR_READING): Promise<Reply> =>
  master.request(OPEN, fileCommand(name, { mode }));

async function lastCode(station: Substation): Promise<unknown> {
  return (await station.house.written("decision")).filter(({ decision }) => decision === "deny").at(-1)?.code;
}

files("what a rule lists is opened, read and closed; the record names the file whatever carried its handle", async (context) => {
  const { station, alice } = await opening(context);
  const handle = handleOf(await open(alice, "/logs/today.txt"));
  const block = await alice.request(READ, fileBlock(handle, 0).subarray(0, fileBlock(handle, 0).length));
  assert.match(Buffer.from(block.objects).toString("latin1"), /in \/logs\/today\.txt/);
  assert.is((await alice.request(CLOSE, fileClose(handle))).iin2, 0);
  assert.is((await alice.request(INFO, fileInfo("/logs/today.txt"))).iin2, 0);
  assert.equal(
    station.asked.map((asked) => asked.slice(0, 2)),
    ["19", "01", "1a", "1c"],
  );
  const records = await station.house.written("decision");
  assert.equal(
    records.map(({ name, operations }) => [name, operations[0].verb, operations[0].target]),
    ["openFile", "read", "closeFile", "getFileInfo"].map((name) => [name, "file-read", "/logs/today.txt"]),
  );
});

files("RULINGS 37: a handle of one's own takes no other along in the same request, and one OPEN opens one file", async (context) => {
  const { station, alice } = await opening(context);
  const handle = handleOf(await open(alice, "/logs/today.txt"));
  const before = station.asked.length;
  assert.is((await alice.request(READ, join(fileBlock(handle, 0), fileBlock(handle + 1, 0)))).iin2, 1);
  assert.is((await alice.request(CLOSE, join(fileClose(handle), fileClose(handle + 1)))).iin2, 1);
  const both = join(fileCommand("/logs/today.txt", { mode: FOR_READING }), fileCommand("/logs/today.txt", { mode: FOR_READING }));
  assert.is((await alice.request(OPEN, both)).iin2, 1);
  assert.is(station.asked.length, before);
});

files("RULINGS 37: a configuration is activated by no name that leads up", async (context) => {
  const { station, alice } = await opening(context);
  const specification = (name: string): Uint8Array => Uint8Array.of(70, 8, 0x5b, 1, name.length, 0, ...Buffer.from(name));
  await alice.request(31, specification("../ab"));
  assert.is(await lastCode(station), "badName");
  await alice.request(31, specification("ab"));
  assert.is(await lastCode(station), "nothingAllows");
});

files("RULINGS 37: nor does a password stand in the record of what is passed over, or of another function", async (context) => {
  const { station, alice } = await opening(context);
  const secret = Buffer.from("hunter2hunter2");
  const objects = Uint8Array.of(70, 2, 0x5b, 1, 12 + secret.length, 0, 12, 0, 0, 0, 12, 0, secret.length, 0, 0, 0, 0, 0, ...secret);
  alice.sendFragment(Uint8Array.of(0x80, AUTHENTICATE, ...objects));
  await alice.request(WRITE, objects);
  const text = JSON.stringify(await station.house.written("decision"));
  assert.match(text, /badControl/);
  assert.not.match(text, new RegExp(secret.toString("hex").slice(0, 8)));
  assert.not.match(text, /hunter/);
});

files("another name, another act, a deny: nothing of it leaves", async (context) => {
  const { station, alice } = await opening(context);
  const denied: [string, Promise<Reply>, string][] = [
    ["another folder", open(alice, "/etc/passwd"), "fileNotListed"],
    ["a star stays within its part", open(alice, "/logs/deep/a.txt"), "fileNotListed"],
    ["forbidden by name", open(alice, "/logs/secret.txt"), "forbidden"],
  ];
  for (const [what, asked, code] of denied) {
    assert.is((await asked).iin2, 1, what);
    assert.ok(code.length > 0);
  }
  assert.is((await open(alice, "/logs/today.txt", FOR_WRITING)).iin2, 1, "open for writing is writing");
  assert.is((await alice.request(DELETE, fileCommand("/logs/today.txt", { mode: 0 }))).iin2, 1);
  assert.equal(station.asked, []);
  const codes = (await station.house.written("decision")).map(({ code }) => code);
  assert.equal(codes, ["fileNotListed", "fileNotListed", "forbidden", "fileNotListed", "functionNotListed"]);
  assert.is((await alice.request(DELETE, fileCommand("/logs/old-1.txt", { mode: 0 }))).iin2, 0);
  assert.not.ok(station.outstation.files.has("/logs/old-1.txt"));
});

files("RULINGS 37: a handle is the session's that opened it", async (context) => {
  const { station, alice } = await opening(context);
  const bob = await station.operator("bob");
  const handle = handleOf(await open(alice, "/logs/today.txt"));
  const before = station.asked.length;
  assert.is((await bob.request(READ, fileBlock(handle, 0))).iin2, 1);
  assert.is(await lastCode(station), "notYourFile");
  assert.is((await bob.request(CLOSE, fileClose(handle))).iin2, 1);
  assert.is((await bob.request(WRITE, fileBlock(handle, 0, Uint8Array.of(1), true))).iin2, 1);
  assert.is(station.asked.length, before);
  assert.is((await alice.request(READ, fileBlock(handle, 0))).iin2, 0);
  assert.is((await alice.request(WRITE, fileBlock(handle, 0, Uint8Array.of(1), true))).iin2, 1, "opened for reading");
  await alice.request(CLOSE, fileClose(handle));
  assert.is((await alice.request(READ, fileBlock(handle, 0))).iin2, 1, "and closed it is nobody's");
  const writing = handleOf(await open(alice, "/settings.cfg", FOR_WRITING));
  assert.is((await alice.request(WRITE, fileBlock(writing, 0, new TextEncoder().encode("new"), true))).iin2, 0);
  assert.is((await alice.request(CLOSE, fileClose(writing))).iin2, 0);
  assert.is(Buffer.from(station.outstation.files.get("/settings.cfg") as Uint8Array).toString(), "new");
});

files(
  "RULINGS 37: a handle that the device gave to somebody else, or before it was connected to anew, is nobody's of before",
  async (context) => {
    const { station, alice } = await opening(context);
    const bob = await station.operator("bob");
    const opened = await open(alice, "/logs/today.txt");
    const handle = handleOf(opened);
    let hers: Promise<Reply> | null = null;
    // The device has closed it by itself, and gives its number to the next: while hers waits behind his.
    station.outstation.onRequest = (fragment) => {
      if (fragment[1] !== OPEN) return "answer";
      hers ??= alice.request(READ, fileBlock(handle, 0));
      return Uint8Array.from([0xc0 | ((fragment[0] as number) & 0x0f), 0x81, 0, 0, ...opened.objects]);
    };
    const before = station.asked.length;
    assert.is(handleOf(await open(bob, "/logs/old-1.txt")), handle);
    assert.is((await (hers as Promise<Reply> | null))?.iin2, 1);
    assert.is(await lastCode(station), "notYourFile", "it was judged when it was hers, and is held back");
    assert.equal(station.asked.slice(before), [station.asked[before]], "his OPEN alone arrived");
    assert.is((await alice.request(READ, fileBlock(handle, 1))).iin2, 1);
    assert.is((await bob.request(READ, fileBlock(handle, 0))).iin2, 0, "his it is");

    const { device } = station.house.gateway.assets.get("plc") as Asset;
    station.outstation.sendRaw(new Uint8Array(64));
    await until(() => station.house.gateway.road.stats.strays.get("brokenFraming") === 1, "no frame: its connection is dropped");
    await until(() => device?.state === "ready", "and made anew");
    const after = station.asked.length;
    assert.is((await bob.request(READ, fileBlock(handle, 0))).iin2, 1);
    assert.is(await lastCode(station), "notYourFile");
    assert.is(station.asked.length, after);
  },
);

files("RULINGS 37: a name that leads up, holds a NUL, a backslash or what is no ASCII is none", async (context) => {
  const { station, alice } = await opening(context);
  for (const name of ["/logs/../settings.cfg", "/logs/a\u0000.txt", "/logs\\a.txt", "/logs/\u00e4.txt"]) {
    assert.is((await open(alice, name)).iin2, 4, JSON.stringify(name));
    assert.is(await lastCode(station), "badName");
  }
  assert.equal(station.asked, []);
});

files("RULINGS 37: a password stands in no record", async (context) => {
  const { station, alice } = await opening(context);
  const words = new TextEncoder().encode("operatorhunter2");
  const body = Buffer.alloc(12);
  for (const [i, number] of [12, 8, 20, 7].entries()) body.writeUInt16LE(number, 2 * i);
  const object = Buffer.concat([Buffer.from([70, 2, 0x5b, 1, 12 + words.length, 0]), body, words]);
  assert.is((await alice.request(AUTHENTICATE, object)).iin2, 1);
  const records = JSON.stringify(await station.house.written());
  assert.not.match(records, /hunter2|68756e74657232/);
  assert.equal(station.asked, []);
});

files.run();
