/** Line protocol over HTTP against a server that takes, times out, refuses, cuts, limits, and takes only some. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { httpClient } from "#receiver/httpClient";
import { LineHttp, type LineHttpOptions, writeUrl } from "#receiver/lineHttp";
import { encodeLine } from "#receiver/lineProtocol";
import type { Sample } from "#receiver/model";
import { SetAside } from "#receiver/setAside";
import { eventually, idsOf, openQueue, sampleOf, samplesFrom, scratch } from "./stage.ts";

const lineHttp = suite("receiver/lineHttp");
const root = scratch();
let made = 0;

interface Got {
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly lines: readonly string[];
}

type Answer = (got: Got, response: http.ServerResponse) => void;

class Server {
  readonly got: Got[] = [];
  answer: Answer = (_, response) => response.writeHead(204).end();
  readonly #server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const text = (request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString("utf8");
      const got = { url: request.url ?? "", headers: request.headers, lines: text.split("\n").slice(0, -1) };
      this.got.push(got);
      this.answer(got, response);
    });
    request.on("error", () => {});
  });

  static async start(): Promise<Server> {
    const server = new Server();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  sink(more: Partial<LineHttpOptions> = {}): LineHttp {
    return new LineHttp({
      name: "http",
      url: writeUrl(this.base, { is: "v1", db: "plant" }),
      client: httpClient(),
      timeoutMs: 2_000,
      ...more,
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function withServer(work: (server: Server) => Promise<void>): Promise<void> {
  const server = await Server.start();
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

const lineOf = (sample: Sample): string => (encodeLine(sample) as string).trim();

lineHttp("the places of both versions, with names that need escapes, behind a path", () => {
  assert.is(
    writeUrl("https://influx.plant.example:8086", { is: "v2", org: "a b", bucket: "c&d" }).href,
    "https://influx.plant.example:8086/api/v2/write?org=a+b&bucket=c%26d&precision=ns",
  );
  assert.is(
    writeUrl("https://store.example/insert/0/", { is: "v1", db: "x" }).href,
    "https://store.example/insert/0/write?db=x&precision=ns",
  );
});

for (const gzip of [false, true]) {
  lineHttp(`a batch is one request${gzip ? ", zipped" : ""}, with the token from its file`, () =>
    withServer(async (server) => {
      const tokenFile = path.join(root, `token-${++made}`);
      writeFileSync(tokenFile, "s3cret-token\n", { mode: 0o600 });
      const sink = server.sink({ gzip, tokenFile });
      assert.is(await sink.deliver(samplesFrom(0, 50)), true);
      assert.is(server.got.length, 1);
      const [got] = server.got as [Got];
      assert.equal(got.lines, samplesFrom(0, 50).map(lineOf));
      assert.is(got.headers.authorization, "Token s3cret-token");
      assert.is(got.url, "/write?db=plant&precision=ns");
      assert.is(sink.status.taken, 50);
      await sink.close();
    }),
  );
}

lineHttp("a token others may read is not used, and not told; one that was renewed is taken after a 401", () =>
  withServer(async (server) => {
    const tokenFile = path.join(root, `token-${++made}`);
    writeFileSync(tokenFile, "first", { mode: 0o644 });
    chmodSync(tokenFile, 0o644);
    const sink = server.sink({ tokenFile, scheme: "Bearer" });
    assert.is(await sink.deliver([sampleOf(1)]), false);
    assert.is(server.got.length, 0);
    assert.match(sink.status.trouble ?? "", /expected 0600/);
    assert.not.match(sink.status.trouble ?? "", /first/);
    chmodSync(tokenFile, 0o600);
    server.answer = ({ headers }, response) =>
      headers.authorization === "Bearer second"
        ? response.writeHead(204).end()
        : response.writeHead(401).end('{"message":"unauthorized access"}');
    assert.is(await sink.deliver([sampleOf(1)]), false);
    assert.is(sink.status.trouble, "401 unauthorized access");
    writeFileSync(tokenFile, "second\n");
    assert.is(await sink.deliver([sampleOf(1)]), true);
    assert.is(sink.status.setAside, 0);
    await sink.close();
  }),
);

for (const [what, status, text] of [
  ["a gateway's error", 502, "<html>"],
  ["an internal error", 500, '{"error":"timeout"}'],
  ["a database that is not there (yet)", 404, '{"error":"database not found: plant"}'],
  ["a redirect, which is not followed", 307, ""],
  ["200 with an error", 200, '{"error":"could not complete"}'],
] as const) {
  lineHttp(`${what} (${status}): kept, and nothing set aside`, () =>
    withServer(async (server) => {
      server.answer = (_, response) => response.writeHead(status, { location: "http://127.0.0.1:1/" }).end(text);
      const sink = server.sink();
      assert.is(await sink.deliver(samplesFrom(0, 10)), false);
      assert.is(server.got.length, 1);
      assert.is(sink.status.setAside, 0);
      assert.match(sink.status.trouble ?? "", new RegExp(`^${status}`));
      await sink.close();
    }),
  );
}

for (const [what, cut, expected] of [
  ["silence", () => {}, /no answer within 150 ms/],
  ["a cut before the answer", (response: http.ServerResponse) => response.socket?.destroy(), /ECONNRESET|hang up/],
  [
    "a cut amid the answer",
    (response: http.ServerResponse) => {
      response.writeHead(500, { "content-length": "100" });
      response.write("part");
      setTimeout(() => response.socket?.destroy(), 20);
    },
    /cut short|aborted|ECONNRESET/,
  ],
  [
    "an answer that trickles",
    (response: http.ServerResponse) => {
      response.writeHead(204 + 1, { "content-length": "100000" });
      const timer = setInterval(() => response.write("."), 20);
      response.on("close", () => clearInterval(timer));
    },
    /no answer within 150 ms/,
  ],
] as const) {
  lineHttp(`${what}: kept, within the timeout, and the next attempt has a connection of its own`, () =>
    withServer(async (server) => {
      server.answer = (_, response) => cut(response);
      const sink = server.sink({ timeoutMs: 150 });
      const started = performance.now();
      assert.is(await sink.deliver(samplesFrom(0, 3)), false);
      assert.ok(performance.now() - started < 1_500);
      assert.match(sink.status.trouble ?? "", expected);
      server.answer = (_, response) => response.writeHead(204).end();
      assert.is(await sink.deliver(samplesFrom(0, 3)), true);
      await sink.close();
    }),
  );
}

lineHttp("nobody there: kept", async () => {
  const server = await Server.start();
  const sink = server.sink();
  await server.stop();
  assert.is(await sink.deliver([sampleOf(1)]), false);
  assert.match(sink.status.trouble ?? "", /ECONNREFUSED/);
  await sink.close();
});

for (const status of [429, 503]) {
  lineHttp(`${status} with Retry-After: not asked again before, and not for ever after`, () =>
    withServer(async (server) => {
      let now = 0;
      const sink = server.sink({ now: () => now });
      server.answer = (_, response) => response.writeHead(status, { "retry-after": "3" }).end();
      assert.is(await sink.deliver([sampleOf(1)]), false);
      now = 2_999;
      assert.is(await sink.deliver([sampleOf(1)]), false);
      assert.is(server.got.length, 1);
      now = 3_000;
      server.answer = (_, response) => response.writeHead(status, { "retry-after": "99999999" }).end();
      assert.is(await sink.deliver([sampleOf(1)]), false);
      assert.is(server.got.length, 2);
      now += 300_000;
      server.answer = (_, response) => response.writeHead(204).end();
      assert.is(await sink.deliver([sampleOf(1)]), true);
      await sink.close();
    }),
  );
}

lineHttp("400 for some lines: those alone are set aside, with the server's words; the rest is in, in order", () =>
  withServer(async (server) => {
    const bad = new Set(["run.7", "run.500", "run.501"]);
    const samples = samplesFrom(0, 1_000);
    const badLines = new Set(samples.filter(({ id }) => bad.has(id)).map(lineOf));
    const stored: string[] = [];
    server.answer = ({ lines }, response) => {
      if (lines.some((each) => badLines.has(each))) {
        response.writeHead(400).end('{"error":"partial write: field type conflict: input field \\"value\\" dropped=1"}');
      } else {
        stored.push(...lines);
        response.writeHead(204).end();
      }
    };
    const asideFile = path.join(root, `refused-${++made}`);
    const sink = server.sink({ aside: new SetAside(asideFile) });
    assert.is(await sink.deliver(samples), true);
    assert.equal(stored, samples.filter(({ id }) => !bad.has(id)).map(lineOf));
    assert.is(sink.status.setAside, 3);
    assert.is(sink.status.taken, 997);
    assert.match(sink.status.refusal ?? "", /^400 partial write: field type conflict/);
    assert.ok(server.got.length <= 64, `${server.got.length} requests`);
    await sink.close();
    const kept = readFileSync(asideFile, "utf8");
    for (const id of bad) assert.ok(kept.includes(`"${id}"`));
  }),
);

lineHttp("all of it refused for good: a bounded number of requests, all set aside, and the queue goes on", () =>
  withServer(async (server) => {
    server.answer = ({ lines }, response) =>
      lines.some((each) => each.includes("value_bool"))
        ? response.writeHead(422).end("outside of retention")
        : response.writeHead(204).end();
    const sink = server.sink();
    const q = await openQueue(path.join(root, `queue-${++made}`), sink, { batch: 500 });
    await q.push(samplesFrom(0, 500).map((sample) => ({ ...sample, value: true })));
    await eventually("it", () => q.status.waiting === 0);
    assert.ok(server.got.length <= 70, `${server.got.length} requests`);
    assert.is(sink.status.setAside, 500);
    await q.push(samplesFrom(500, 5));
    await eventually("the next", () => sink.status.taken === 5);
    assert.is(q.status.failures, 0);
    await q.close();
    await sink.close();
  }),
);

lineHttp("a server that stops amid the halves: nothing is set aside twice", () =>
  withServer(async (server) => {
    const bad = lineOf(sampleOf(0));
    let isUp = false;
    server.answer = ({ lines }, response) => {
      if (lines.includes(bad)) response.writeHead(400).end();
      else response.writeHead(isUp ? 204 : 500).end();
    };
    const sink = server.sink();
    assert.is(await sink.deliver(samplesFrom(0, 16)), false);
    assert.is(sink.status.setAside, 0);
    isUp = true;
    assert.is(await sink.deliver(samplesFrom(0, 16)), true);
    assert.is(sink.status.setAside, 1);
    assert.is(sink.status.taken, 15);
    await sink.close();
  }),
);

lineHttp("through the queue, with a server that does all of it in turn: everything is stored, first in order", () =>
  withServer(async (server) => {
    const stored: string[] = [];
    let turn = 0;
    server.answer = ({ lines }, response) => {
      turn += 1;
      if (turn % 5 === 1) response.socket?.destroy();
      else if (turn % 5 === 2) response.writeHead(503).end();
      else {
        stored.push(...lines);
        if (turn % 5 === 3) response.socket?.destroy();
        else response.writeHead(204).end();
      }
    };
    const sink = server.sink();
    const q = await openQueue(path.join(root, `queue-${++made}`), sink, { batch: 100 });
    const pushed = samplesFrom(0, 2_000);
    for (let at = 0; at < pushed.length; at += 100) await q.push(pushed.slice(at, at + 100));
    await eventually("all of it", () => q.status.waiting === 0);
    assert.equal([...new Set(stored)], pushed.map(lineOf));
    assert.is(idsOf(pushed).length, sink.status.taken);
    await q.close();
    await sink.close();
  }),
);

lineHttp.run();
