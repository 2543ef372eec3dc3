/** The receiver's page as a browser and as an attacker asks for it: what it answers, what it refuses, and how much of it there may be. */
import http from "node:http";
import net from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadReceive } from "#config/receive";
import { PointList } from "#receiver/page/pointList";
import { Trends } from "#receiver/page/trends";
import { ageWords, valueWords } from "#receiver/page/words";
import { PageRig } from "./pageRig.ts";
import { eventually, sampleOf } from "./stage.ts";

const HOSTILE = `</a><script>alert(1)</script><img src=x onerror=alert(2)>"'&\u202e`;
const POINTS = [
  { asset: "boiler-1", point: "pressure", unit: "bar", description: "Drum" },
  { asset: "boiler-1", point: "burner on" },
  { asset: "boiler-2", point: HOSTILE, unit: `<b onclick="x">°C</b>`, description: HOSTILE },
];

const page = suite<{ rig: PageRig }>("receiver/page");
page.before.each(async (context) => {
  context.rig = await PageRig.open({ everyMs: 20 });
  context.rig.introduce(POINTS);
  context.rig.value(0, 7.25);
});
page.after.each(({ rig }) => rig.close());

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

function ask({ server }: PageRig, target: string, options: http.RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: server.port, path: target, ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on("error", reject).end();
  });
}

/** Somebody who follows; `messages` come as they are told. */
function follow({ server }: PageRig, target: string) {
  const messages: Record<string, unknown>[] = [];
  const request = http.get({ host: "127.0.0.1", port: server.port, path: target }, (response) => {
    let rest = "";
    response.setEncoding("utf8").on("data", (part: string) => {
      const parts = (rest + part).split("\n\n");
      rest = parts.pop() as string;
      for (const each of parts) messages.push(JSON.parse(each.replace(/^data: /, "")) as Record<string, unknown>);
    });
    response.on("error", () => {});
  });
  request.on("error", () => {});
  return { messages, close: () => request.destroy() };
}

page("points stand with value, unit, quality in words and age, by gateway and asset, without a script", async ({ rig }) => {
  const { status, text } = await ask(rig, "/");
  assert.is(status, 200);
  assert.match(text, /<h2>boiler-house/);
  assert.match(text, /<th colspan="5" scope="rowgroup">boiler-1<\/th>/);
  assert.match(text, /pressure<\/a> <small>Drum<\/small><\/th><td class="number">7.25<\/td><td>bar<\/td><td class="q good">● good<\/td>/);
  assert.match(text, /burner on<\/a><\/th><td class="number"><\/td><td><\/td><td class="q">none came yet/);
  assert.match(text, /boiler-house: heard/);
  assert.match((await ask(rig, "/?q=drum+boiler-1")).text, /1 of 3 points found/);
  assert.match((await ask(rig, "/?q=nowhere")).text, /No of 3 points found/);
});

page("names, units and descriptions that are hostile are text on every page, and in what is told live", async ({ rig }) => {
  rig.value(2, HOSTILE);
  const trend = `gateway=boiler-house&asset=boiler-2&point=${encodeURIComponent(HOSTILE)}`;
  for (const target of [
    "/",
    `/trend?${trend}`,
    "/ledger",
    "/lines",
    `/?q=${encodeURIComponent(HOSTILE)}`,
    "/ledger?stream=<script>&class=<script>",
  ]) {
    const { status, text } = await ask(rig, target);
    assert.is(status, 200, target);
    const tags = new Set([...text.matchAll(/<([a-z][a-z0-9]*)/g)].map(([, tag]) => tag));
    assert.not.ok(tags.has("img") || tags.has("b"), target);
    assert.not.match(text, /alert\(1\)<\/script>|\u202e/, target);
    assert.not.match(text.replace(/="[^"]*"/g, ""), /<[^>]*\son[a-z]+/, target);
    assert.ok([...text.matchAll(/<script(?! src="\/(?:page|uplot)\.js" defer><\/script>)/g)].length === 0, target);
  }
  const { messages, close } = follow(rig, `/live?view=trend&${trend}`);
  await eventually("told", () => messages.length > 0);
  close();
  assert.not.match(JSON.stringify(messages[0]?.parts), /<script|<img|<b /);
});

page("only GET, only our own host; every answer says what a browser may do, sets no cookie and asks nobody else", async ({ rig }) => {
  for (const method of ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
    assert.is((await ask(rig, "/", { method })).status, 405, method);
  for (const host of ["evil.example", "evil.example:80", "127.0.0.1.evil.example", " ", "localhost@evil.example", "[::1].evil.example"])
    assert.is((await ask(rig, "/", { headers: { host } })).status, 421, host);
  for (const host of ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:8090"])
    assert.is((await ask(rig, "/", { headers: { host } })).status, 200, host);
  assert.is((await ask(rig, "/live?view=lines", { headers: { "sec-fetch-site": "cross-site" } })).status, 403);
  for (const [target, status] of [
    ["/", 200],
    ["/page.js", 200],
    ["/page.css", 200],
    ["/uplot.js", 200],
    ["/uplot.css", 200],
    ["/icon.svg", 200],
    ["/constructor", 404],
    ["/../package.json", 404],
    ["/trend?gateway=x", 404],
    ["/live", 404],
    ["http://evil.example/nothing", 404],
    ["/?page=99999999999", 200],
    [`/?q=${"x".repeat(3_000)}`, 200],
  ] as const) {
    const answer = await ask(rig, target);
    assert.is(answer.status, status, target);
    assert.match(String(answer.headers["content-security-policy"]), /^default-src 'self'; /, target);
    assert.is(answer.headers["x-content-type-options"], "nosniff");
    assert.is(answer.headers["set-cookie"], undefined);
    assert.is(answer.headers["access-control-allow-origin"], undefined);
    if (target.endsWith("css") || !target.startsWith("/uplot"))
      assert.not.match(answer.text, /(?:src|href|url)[=(]"?(?:https?:|\/\/)/, target);
  }
});

page("what changes is told: values, lines, the ledger, refusals; and only what changed", async ({ rig }) => {
  const points = follow(rig, "/live?view=points");
  const lines = follow(rig, "/live?view=lines");
  const ledger = follow(rig, "/live?view=ledger&stream=7&class=samples");
  await eventually("first", () => points.messages.length > 1 && lines.messages.length > 0 && ledger.messages.length > 0);
  assert.equal((points.messages[0]?.rows as unknown[])?.length, 1);
  assert.equal(points.messages[1]?.rows, []);
  rig.value(0, 8.5, "uncertain");
  rig.receiver.take(Buffer.alloc(500, "not a frame"));
  const rowsTold = (): string => JSON.stringify(points.messages.map(({ rows }) => rows));
  await eventually("the value", () => rowsTold().includes('"8.5","uncertain","◐ uncertain"'));
  await eventually("the refusal", () => JSON.stringify(lines.messages).includes("no frame of ours"));
  await eventually("the ledger", () => JSON.stringify(ledger.messages).includes("Last hour"));
  await eventually("silence of the line that is not there", () => JSON.stringify(points.messages.at(-1)?.silent).includes("8"));
  assert.match((await ask(rig, "/lines")).text, /stream 8: silent since|silent since \d{4}/);
  for (const { close } of [points, lines, ledger]) close();
  await eventually("they are gone", () => rig.server.live === 0);
});

page("so many may follow and no more; places are free again", async ({ rig }) => {
  const followers = Array.from({ length: 16 }, () => follow(rig, "/live?view=lines"));
  await eventually("all in", () => rig.server.live === 16);
  assert.is((await ask(rig, "/live?view=lines")).status, 503);
  assert.is((await ask(rig, "/")).status, 200);
  for (const { close } of followers) close();
  await eventually("all gone", () => rig.server.live === 0);
});

page("connections are counted too, and whoever says nothing is cut", async () => {
  const rig = await PageRig.open({ connections: 3, patienceMs: 300 });
  const idle = Array.from({ length: 8 }, () => net.connect(rig.server.port, "127.0.0.1").on("error", () => {}));
  try {
    await eventually("five are turned away at once", () => idle.filter(({ closed }) => closed).length >= 5);
    await eventually("and the rest later", () => idle.every(({ closed }) => closed));
    assert.is((await ask(rig, "/")).status, 200);
  } finally {
    for (const socket of idle) socket.destroy();
    await rig.close();
  }
});

page("whoever follows and does not take what it is told is cut, and nothing piles up for it", async () => {
  const rig = await PageRig.open({ everyMs: 2, waiting: 8_192 });
  const long = "y".repeat(600);
  try {
    rig.introduce(Array.from({ length: 60 }, (_, i) => ({ asset: "boiler", point: `p${i}` })));
    const socket = net.connect(rig.server.port, "127.0.0.1").on("error", () => {});
    socket.pause();
    socket.write("GET /live?view=points HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await eventually("it follows", () => rig.server.live === 1);
    let n = 0;
    const until = performance.now() + 30_000;
    while (rig.server.live === 1 && performance.now() < until) {
      n += 1;
      const sample = sampleOf(n, { gateway: "boiler-house", asset: "boiler", timeMs: Date.now(), value: long });
      for (let i = 0; i < 60; i++) rig.receiver.current?.offer({ ...sample, point: `p${i}`, id: `${n}.${i}` });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.is(rig.server.live, 0, `it is still there after ${n} rounds`);
    socket.destroy();
  } finally {
    await rig.close();
  }
});

page("a fault of the page ends an answer, and not the receiver", async ({ rig }) => {
  const { messages, close } = follow(rig, "/live?view=points");
  await eventually("told", () => messages.length > 0);
  const { current } = rig.receiver;
  assert.ok(current !== null);
  current.of = () => {
    throw new Error("a fault");
  };
  await eventually("cut", () => rig.server.live === 0);
  assert.is(await ask(rig, "/").catch(({ code }: NodeJS.ErrnoException) => code), "ECONNRESET");
  assert.is((await ask(rig, "/lines")).status, 200);
  close();
});

page("points beyond the bound are counted and told; a birth that leaves one out frees its place", async () => {
  const rig = await PageRig.open({}, 2);
  try {
    rig.introduce(POINTS);
    assert.is(rig.looking.points.size, 2);
    assert.match((await ask(rig, "/")).text, /1 point more: there is no place for them here/);
    rig.looking.births(7, [{ gateway: "boiler-house", asset: "a", point: "p", type: "number", unit: "", description: "" }]);
    assert.is(rig.looking.points.size, 1);
    assert.is(rig.looking.points.turnedAway, 0);
  } finally {
    await rig.close();
  }
});

page("a long list comes in pages", () => {
  const list = new PointList();
  const points = Array.from({ length: 450 }, (_, i) => ({
    gateway: "g",
    asset: `a${i % 3}`,
    point: `p${i}`,
    type: "",
    unit: "",
    description: "",
  }));
  list.births(1, points);
  const pages = [1, 2, 3].map((at) => list.select("", at).rows.map(({ info }) => info.point));
  assert.equal(
    pages.map(({ length }) => length),
    [200, 200, 50],
  );
  assert.is(new Set(pages.flat()).size, 450);
  assert.is(list.select("", 99).page, 3);
  assert.is(list.select("A1 p4", 1).rows[0]?.info.point, "p4");
});

page("a trend keeps the newest samples in their order, of so many points", () => {
  const trends = new Trends(2, 5);
  for (let n = 0; n < 12; n++) trends.add("a", sampleOf(n, { value: n }));
  trends.add("b", sampleOf(0, { value: "text", quality: "bad" }));
  trends.add("c", sampleOf(0));
  assert.is(trends.size, 2);
  assert.is(trends.of("c"), null);
  assert.equal(
    trends
      .of("a")
      ?.since(0)
      .map(([, value]) => value),
    [7, 8, 9, 10, 11],
  );
  assert.equal(
    trends
      .of("a")
      ?.since(10)
      .map(([, value]) => value),
    [10, 11],
  );
  assert.equal(trends.of("b")?.since(0), [[1_760_000_000_000, null, "bad"]]);
  trends.drop("b");
  trends.add("c", sampleOf(0, { value: true }));
  assert.equal(trends.of("c")?.since(0)[0]?.[1], 1);
});

page("values and ages in words", () => {
  assert.equal([0.10000000149011612, 0.1 + 0.2, 123_456_789.125, 2 ** 40, 2n ** 64n, true, null, Number.NaN, "a\u0007"].map(valueWords), [
    "0.1",
    "0.3",
    "123456789.125",
    "1099511627776",
    "18446744073709551616",
    "on",
    "no value",
    "not a number",
    "a\\u{7}",
  ]);
  assert.equal([-5, 59_999, 61_000, 3_660_000, 90_000_000].map(ageWords), ["ahead", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
});

page("receive.yaml: a page at loopback, or at another address where that is said", () => {
  const load = (more: string) =>
    loadReceive({
      file: "receive.yaml",
      text: `receiver: far\nlisten: 10.0.0.1:20700\nstate: state\nstreams: [{ stream: 7, keys: keys }]\n${more}`,
    });
  for (const more of ["", "page: 127.0.0.1:8090\n", 'page: "[::1]:8090"\n', "page: 10.0.0.1:8090\npage_open: true\n"])
    assert.ok(load(more).ok, more);
  for (const more of ["page: 10.0.0.1:8090\n", "page: 0.0.0.0:8090\npage_open: true\n", "page: localhost:8090\n"])
    assert.not.ok(load(more).ok, more);
});

page.run();
