/** The SQL sink against a real PostgreSQL: values, once each, kill and restart, TLS, passwords, locks, rows that never fit. */
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "#receiver/model";
import { SetAside } from "#receiver/setAside";
import { Sql, type SqlOptions } from "#receiver/sql";
import { hasTool, need } from "#test/support/need";
import { needPostgres, PASSWORD, Postgres } from "./postgres.ts";
import { eventually, openQueue, sampleOf, samplesFrom, scratch } from "./stage.ts";

const sql = suite("receiver/sql");
const root = scratch();
const passwordFile = path.join(root, "password");
writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
let made = 0;
let server: Postgres | null = null;

sql.before(async () => {
  if (!needPostgres()) return;
  server = await Postgres.make(path.join(root, "pg"));
  server.access(["local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256"]);
  await server.start();
});

sql.after(async () => {
  await server?.stop();
});

function sinkTo(postgres: Postgres, more: Partial<SqlOptions> = {}): Sql {
  return new Sql({
    name: "sql",
    host: postgres.directory,
    port: postgres.port,
    database: "postgres",
    user: "penstock",
    passwordFile,
    tls: null,
    createTable: true,
    ...more,
  });
}

/** Each test has the table to itself. */
function withServer(title: string, work: (postgres: Postgres) => Promise<void>): void {
  sql(title, async () => {
    if (!needPostgres() || server === null) return;
    await server.ask("drop table if exists penstock_samples");
    await work(server);
  });
}

withServer("every value comes back as it was, and each sample is there once however often it goes", async (postgres) => {
  const sink = sinkTo(postgres);
  const values: readonly Sample["value"][] = [
    41.5,
    0.1,
    5e-324,
    Number.MAX_VALUE,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    2n ** 64n - 1n,
    -(10n ** 30n),
    true,
    false,
    'it\'s "quoted", {braced}, \\ and\nof two lines, \u{1f600}',
    "",
    "NULL",
    "nul\0",
    null,
  ];
  const samples = values.map((value, n) =>
    sampleOf(n, {
      value,
      quality: value === null ? "comm-lost" : "good",
      timeOf: "device",
      historical: n % 2 === 1,
      timeMs: 1_760_000_000_000.25 + n,
    }),
  );
  assert.is(await sink.deliver(samples), true);
  assert.is(await sink.deliver([...samples, ...samples]), true);
  const rows = await postgres.ask(
    "select id, value_double, value_numeric::text as n, value_text, value_bool, quality, time_of, historical, asset, point, gateway, to_char(time at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as time from penstock_samples order by time",
  );
  assert.is(rows.length, values.length);
  rows.forEach((row, n) => {
    const value = values[n];
    assert.is(row.id, `run.${n}`);
    assert.ok(Object.is(row.value_double, typeof value === "number" ? value : null), `${String(row.value_double)} for ${String(value)}`);
    assert.is(row.n, typeof value === "bigint" ? String(value) : null);
    assert.is(row.value_text, typeof value === "string" ? value.replace("\0", "\ufffd") : null);
    assert.is(row.value_bool, typeof value === "boolean" ? value : null);
    assert.equal([row.quality, row.time_of, row.historical], [samples[n]?.quality, "device", n % 2 === 1]);
    assert.equal([row.gateway, row.asset, row.point], [samples[n]?.gateway, samples[n]?.asset, samples[n]?.point]);
    assert.match(String(row.time), new RegExp(`^2025-10-09 08:53:20\\.0${String(n).padStart(2, "0")}250$`));
  });
  assert.equal(sink.status, { taken: 3 * values.length, setAside: 0, unkept: 0, refusal: null, trouble: null });
  await sink.close();
});

withServer("names are never SQL", async (postgres) => {
  const sink = sinkTo(postgres);
  const evil = "x'); drop table penstock_samples; --";
  assert.is(await sink.deliver([sampleOf(1, { id: evil, gateway: evil, asset: "{a,b}", point: '"', value: evil })]), true);
  assert.equal(await postgres.ask("select id, gateway, asset, point, value_text from penstock_samples"), [
    { id: evil, gateway: evil, asset: "{a,b}", point: '"', value_text: evil },
  ]);
  await sink.close();
});

withServer("a role with insert on the table, and select on its key, is enough", async (postgres) => {
  const maker = sinkTo(postgres);
  assert.is(await maker.deliver([sampleOf(0)]), true);
  await maker.close();
  await postgres.ask(`drop role if exists historian; create role historian login password '${PASSWORD}'`);
  await postgres.ask("grant insert, select (id, time) on penstock_samples to historian");
  const sink = sinkTo(postgres, { createTable: false, user: "historian" });
  assert.is(await sink.deliver(samplesFrom(0, 3)), true, sink.status.trouble ?? "");
  await sink.close();
  assert.is((await postgres.ask("select id from penstock_samples")).length, 3);
});

withServer("no table, and not asked to make it: kept, until there is one", async (postgres) => {
  const sink = sinkTo(postgres, { createTable: false });
  assert.is(await sink.deliver(samplesFrom(0, 3)), false);
  assert.match(sink.status.trouble ?? "", /^42P01 relation "penstock_samples" does not exist/);
  const maker = sinkTo(postgres);
  assert.is(await maker.deliver([sampleOf(9)]), true);
  await maker.close();
  assert.is(await sink.deliver(samplesFrom(0, 3)), true);
  assert.is(sink.status.setAside, 0);
  await sink.close();
});

withServer("rows that never fit are set aside with the server's words; the others are in", async (postgres) => {
  const asideFile = path.join(root, `refused-${++made}`);
  const sink = sinkTo(postgres, { aside: new SetAside(asideFile) });
  await sink.deliver([]);
  await sink.deliver([sampleOf(5_000)]);
  await postgres.ask("alter table penstock_samples add check (value_double is null or value_double <> 77)");
  const samples = samplesFrom(0, 500);
  // Incompressible: an index holds no text so long.
  samples[100] = sampleOf(100, {
    id: Array.from({ length: 3_000 }, (_, i) => ((i * i * 2_654_435_761) % 4_294_967_291).toString(36)).join(""),
  });
  samples[200] = sampleOf(200, { timeMs: 1e15 });
  samples[300] = sampleOf(300, { value: 77 });
  samples[154] = sampleOf(154, { value: 1 });
  assert.is(await sink.deliver(samples), true);
  const [{ count } = {}] = await postgres.ask("select count(*)::int as count from penstock_samples");
  assert.is(count, 498);
  assert.is(sink.status.setAside, 3);
  await sink.close();
  assert.match(
    readFileSync(asideFile, "utf8"),
    /: 54000 index row[^\n]*\n[\s\S]*: the time is not of[^\n]*\n[\s\S]*: 23514 new row[^\n]*\n/,
  );
});

withServer("killed and started again while the queue delivers: every sample is there, once", async (postgres) => {
  const sink = sinkTo(postgres, { connectMs: 1_000 });
  const q = await openQueue(path.join(root, `queue-${++made}`), sink, { batch: 64, retry: { firstMs: 5, mostMs: 50 } });
  let next = 0;
  let isOver = false;
  const pushing = (async () => {
    while (!isOver) {
      assert.is(await q.push(samplesFrom(next, 20)), true);
      next += 20;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  for (const signal of ["SIGKILL", "SIGQUIT", "SIGKILL"] as const) {
    await eventually("some rows", () => sink.status.trouble === null && q.status.failuresInRow === 0 && q.status.delivered > 0);
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 150));
    await postgres.stop(signal);
    await eventually("a failure", () => q.status.failuresInRow > 0);
    await postgres.start();
    const { delivered } = q.status;
    await eventually("more", () => q.status.delivered > delivered + 100);
  }
  isOver = true;
  await pushing;
  await eventually("all of it", () => q.status.waiting === 0, 30_000);
  const [{ rows, ids } = {}] = await postgres.ask("select count(*)::int as rows, count(distinct id)::int as ids from penstock_samples");
  assert.equal([rows, ids], [next, next]);
  assert.is(sink.status.setAside, 0);
  console.log(`${next} samples, ${q.status.failures} offers failed`);
  await q.close();
  await sink.close();
});

withServer("a table that somebody locks: the statement ends in time, the batch waits; then it goes", async (postgres) => {
  const sink = sinkTo(postgres, { statementMs: 200 });
  assert.is(await sink.deliver([sampleOf(1)]), true);
  const other = await postgres.connect();
  await other.query("begin; lock table penstock_samples");
  const started = performance.now();
  assert.is(await sink.deliver([sampleOf(2)]), false);
  assert.ok(performance.now() - started < 2_000);
  assert.match(sink.status.trouble ?? "", /^(57014|55P03) /);
  await other.query("commit");
  await other.end();
  assert.is(await sink.deliver([sampleOf(2)]), true);
  await sink.close();
});

withServer("a statement that takes too long is ended at the server, and the batch waits", async (postgres) => {
  const sink = sinkTo(postgres, { statementMs: 200 });
  assert.is(await sink.deliver([sampleOf(1)]), true);
  await postgres.ask(`
    create or replace function slow() returns trigger language plpgsql as 'begin perform pg_sleep(5); return new; end';
    create trigger slow before insert on penstock_samples for each row execute function slow()`);
  assert.is(await sink.deliver([sampleOf(2)]), false);
  assert.match(sink.status.trouble ?? "", /^57014 /);
  await postgres.ask("drop trigger slow on penstock_samples");
  assert.is(await sink.deliver([sampleOf(2)]), true);
  await sink.close();
});

withServer("passwords: of a file others may read not used, a wrong one keeps the batch, a new one is taken", async (postgres) => {
  const file = path.join(root, `password-${++made}`);
  writeFileSync(file, PASSWORD);
  chmodSync(file, 0o640);
  const sink = sinkTo(postgres, { passwordFile: file });
  assert.is(await sink.deliver([sampleOf(1)]), false);
  assert.match(sink.status.trouble ?? "", /expected 0600/);
  chmodSync(file, 0o600);
  writeFileSync(file, "wrong");
  assert.is(await sink.deliver([sampleOf(1)]), false);
  assert.match(sink.status.trouble ?? "", /^28P01 /);
  writeFileSync(file, `${PASSWORD}\n`);
  assert.is(await sink.deliver([sampleOf(1)]), true);
  await sink.close();
  const none = sinkTo(postgres, { passwordFile: null });
  process.env.PGPASSWORD = PASSWORD;
  try {
    assert.is(await none.deliver([sampleOf(1)]), false, "the environment is nobody's password file");
  } finally {
    delete process.env.PGPASSWORD;
  }
  await none.close();
});

sql("a server that takes the connection and never speaks: kept, within the timeout", async () => {
  const silent = net.createServer();
  const sockets = new Set<net.Socket>();
  silent.on("connection", (socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as net.AddressInfo;
  const options = { name: "sql", host: "127.0.0.1", port, database: "x", user: "x", connectMs: 150 };
  for (const tls of [null, {}]) {
    const sink = new Sql({ ...options, tls });
    const started = performance.now();
    assert.is(await sink.deliver([sampleOf(1)]), false);
    assert.ok(performance.now() - started < 5_000);
    assert.match(sink.status.trouble ?? "", /timeout/);
    await sink.close();
  }
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

withServer("TLS with certificates on both sides; no other server, no other name, no client without, nothing plain", async (postgres) => {
  if (!need("openssl", hasTool("openssl"))) return;
  const papers = makePapers(path.join(root, "tls"));
  const keyFile = postgres.own("server.key", papers.serverKey);
  const certificateFile = postgres.own("server.pem", papers.server);
  const caFile = postgres.own("ca.pem", papers.ca);
  await postgres.stop();
  postgres.access(["local all all scram-sha-256", "hostssl all penstock 127.0.0.1/32 cert"]);
  await postgres.start({ ssl: "on", ssl_key_file: keyFile, ssl_cert_file: certificateFile, ssl_ca_file: caFile });
  const files = (name: string): string => path.join(root, "tls", name);
  const ca = { caFile: files("ca.pem") };
  const ours = { certificateFile: files("client.pem"), keyFile: files("client.key") };
  const sinkOver = (tls: SqlOptions["tls"], host = "127.0.0.1"): Sql => sinkTo(postgres, { host, tls, passwordFile: null });
  const good = sinkOver({ ...ca, ...ours });
  assert.is(await good.deliver(samplesFrom(0, 3)), true, good.status.trouble ?? "");
  await good.close();
  const named = sinkOver({ ...ca, ...ours, serverName: "historian.plant.example" }, "localhost");
  assert.is(await named.deliver(samplesFrom(0, 3)), true, named.status.trouble ?? "");
  await named.close();
  for (const [what, tls, expected, host = "127.0.0.1"] of [
    ["another name", { ...ca, ...ours, serverName: "other.plant.example" }, /altnames/],
    ["the name of a host that is not in it", { ...ca, ...ours }, /altnames/, "localhost"],
    ["another authority", { caFile: files("other.pem"), ...ours }, /certificate/],
    ["no authority of ours", ours, /certificate/],
    ["no certificate", ca, /certificate/],
    ["plain", null, /pg_hba|no encryption/],
  ] as const) {
    const sink = sinkOver(tls, host);
    assert.is(await sink.deliver([sampleOf(9)]), false, what);
    assert.match(sink.status.trouble ?? "", expected, what);
    await sink.close();
  }
  for (const [what, tls, expected] of [
    ["a file that is no certificate", { caFile: ours.keyFile, ...ours }, /client\.key: found no certificate; expected PEM/],
    ["a key that is none", { ...ca, ...ours, keyFile: ca.caFile }, /ca\.pem: found no private key|expected 0600/],
    ["none at all", { caFile: files("absent.pem") }, /absent\.pem: cannot be read \(ENOENT\)/],
  ] as const) {
    const sink = sinkOver(tls);
    assert.is(await sink.deliver([sampleOf(9)]), false, what);
    assert.match(sink.status.trouble ?? "", expected, what);
    await sink.close();
  }
  chmodSync(ours.keyFile, 0o644);
  const open = sinkOver({ ...ca, ...ours });
  assert.is(await open.deliver([sampleOf(9)]), false, "a key that others may read");
  assert.match(open.status.trouble ?? "", /client\.key: may be read by others \(mode 0644\); expected 0600/);
  await open.close();
  chmodSync(ours.keyFile, 0o600);
  await postgres.stop();
  postgres.access(["local all all scram-sha-256", "host all penstock 127.0.0.1/32 trust"]);
  await postgres.start();
  const downgraded = sinkOver({ ...ca, ...ours });
  assert.is(await downgraded.deliver([sampleOf(9)]), false, "a server without TLS");
  assert.match(downgraded.status.trouble ?? "", /SSL/);
  await downgraded.close();
});

interface Papers {
  readonly ca: string;
  readonly server: string;
  readonly serverKey: string;
}

function makePapers(directory: string): Papers {
  execFileSync("mkdir", ["-p", directory]);
  const run = (...args: string[]): void => void execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const name of ["ca", "other"])
    run("req", "-x509", ...curve, "-subj", `/CN=${name}`, "-days", "2", "-keyout", `${name}.key`, "-out", `${name}.pem`);
  for (const [name, subject, names] of [
    ["server", "/CN=historian", "DNS:historian.plant.example,IP:127.0.0.1"],
    ["client", "/CN=penstock", "DNS:receiver.plant.example"],
  ] as const) {
    run("req", ...curve, "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    writeFileSync(path.join(directory, "ext"), `subjectAltName=${names}\n`);
    run(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      "ext",
      "-out",
      `${name}.pem`,
    );
  }
  const text = (name: string): string => readFileSync(path.join(directory, name), "utf8");
  return {
    ca: text("ca.pem"),
    server: text("server.pem"),
    serverKey: text("server.key"),
  };
}

sql.run();
