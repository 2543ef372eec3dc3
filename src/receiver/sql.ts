/**
 * Samples into PostgreSQL, with or without TimescaleDB: one table, one statement, whose text never changes. Names and values are parameters.
 *
 *     create table penstock_samples (
 *       time timestamptz not null,  id text not null,
 *       gateway text not null,  asset text not null,  point text not null,
 *       value_double double precision,  value_numeric numeric,  value_text text,  value_bool boolean,
 *       quality text not null,  time_of text not null,  historical boolean not null,
 *       primary key (id, time));
 *
 * A number is in `value_double` (NaN and the infinities too), a bigint, exact, in `value_numeric`; a sample without value has none of the four.
 * The table is found by the role's search path. With TimescaleDB: `select create_hypertable('penstock_samples', 'time')`; the key has the time
 * in it because a hypertable wants that.
 *
 * At least once becomes once: a sample that goes again has the same id and time, and `on conflict do nothing` leaves the first. Also the first
 * `historical`.
 *
 * What a server says (SQLSTATE): class 22, 23 and 54 are about the rows, and those at fault are set aside; all else (no connection, no table, no
 * right, no room, shutting down) is about the server, and the batch waits.
 */
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type pg from "pg";
import { reasonOf } from "#disk/reason";
import { PARAMETERS } from "#transport/tlsContext";
import type { Sample, Sink } from "./model.ts";
import { within } from "./patience.ts";
import { readSecret } from "./secret.ts";
import { type Sent, type SetAside, TAKEN } from "./setAside.ts";
import { type SinkStatus, SinkTally } from "./sinkTally.ts";
import { readTls, type TlsFiles } from "./tlsFiles.ts";

/** The server is verified in any case. */
export interface SqlTls extends TlsFiles {
  /** The name in the server's certificate, where that is not the host. */
  readonly serverName?: string;
}

export interface SqlOptions {
  readonly name: string;
  /** A host, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** A file of mode 0600, read for each connection; null: the server asks for none. */
  readonly passwordFile?: string | null;
  /** null: plain, for a Unix socket or this machine. Otherwise a server without TLS is not talked to at all. */
  readonly tls: SqlTls | null;
  /** Make the table and its index where they are missing. */
  readonly createTable?: boolean;
  /** Default 10 s. */
  readonly connectMs?: number;
  /** Of a statement, at the server; default 30 s. A little later the connection is given up. */
  readonly statementMs?: number;
  readonly aside?: SetAside;
}

const CREATE = `
create table if not exists penstock_samples (
  time timestamptz not null,
  id text not null,
  gateway text not null,
  asset text not null,
  point text not null,
  value_double double precision,
  value_numeric numeric,
  value_text text,
  value_bool boolean,
  quality text not null,
  time_of text not null,
  historical boolean not null,
  primary key (id, time)
);
create index if not exists penstock_samples_point on penstock_samples (gateway, asset, point, time desc)`;

const INSERT = `
insert into penstock_samples
  (time, id, gateway, asset, point, value_double, value_numeric, value_text, value_bool, quality, time_of, historical)
select * from unnest(
  $1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[],
  $6::double precision[], $7::numeric[], $8::text[], $9::boolean[],
  $10::text[], $11::text[], $12::boolean[])
on conflict (id, time) do nothing`;

const CONNECT_MS = 10_000;
const STATEMENT_MS = 30_000;
/** A statement the server did not end: so much later we do. */
const GRACE_MS = 2_000;
const CLOSE_MS = 1_000;
/** Data that does not fit its column, a constraint that it breaks, a limit that it exceeds. @source PostgreSQL, "PostgreSQL Error Codes" */
const ROWS_AT_FAULT = /^(?:22|23|54)[0-9A-Z]{3}$/;
/** Years both sides write alike. */
const EARLIEST_MS = Date.parse("0001-01-01T00:00:00Z");
const LATEST_MS = Date.parse("9999-12-31T00:00:00Z");

export class Sql implements Sink {
  readonly name: string;
  readonly #options: SqlOptions;
  readonly #tally: SinkTally;
  #client: pg.Client | null = null;
  #isTableMade = false;

  constructor(options: SqlOptions) {
    this.name = options.name;
    this.#options = options;
    this.#tally = new SinkTally(options.aside);
  }

  get status(): SinkStatus {
    return this.#tally.status;
  }

  births(): void {}

  link(): void {}

  deliver(samples: readonly Sample[]): Promise<boolean> {
    return this.#tally.deliver(samples, (part) => this.#insert(part));
  }

  async close(): Promise<void> {
    await this.#disconnect();
    await this.#tally.aside.close();
  }

  async #insert(samples: readonly Sample[]): Promise<Sent> {
    if (samples.some(({ timeMs }) => !(timeMs >= EARLIEST_MS && timeMs <= LATEST_MS)))
      return { is: "refused", reason: "the time is not of the years 1 to 9999" };
    try {
      this.#client ??= await this.#connect();
      // Not prepared under a name: poolers that hand connections round do not keep it.
      await this.#client.query(INSERT, columnsOf(samples));
      return TAKEN;
    } catch (error) {
      const { code } = error as { code?: unknown };
      const reason = code === undefined ? reasonOf(error) : `${code} ${(error as Error).message}`;
      if (typeof code === "string" && ROWS_AT_FAULT.test(code)) return { is: "refused", reason };
      // Whatever state the connection is in: the next attempt has a new one.
      await this.#disconnect();
      return { is: "later", reason };
    }
  }

  /** @throws whatever keeps it from being ready for rows */
  async #connect(): Promise<pg.Client> {
    const { host, port, database, user, passwordFile = null, tls, connectMs = CONNECT_MS, statementMs = STATEMENT_MS } = this.#options;
    const { default: library } = await import("pg");
    const client = new library.Client({
      host,
      port,
      database,
      user,
      // A function in any case: without one the library looks into the environment and home directory of whoever runs us.
      password: () => (passwordFile === null ? "" : readSecret(passwordFile)),
      ssl: tls === null ? false : tlsOf(tls, host),
      application_name: "penstock",
      keepAlive: true,
      connectionTimeoutMillis: connectMs,
      statement_timeout: statementMs,
      lock_timeout: statementMs,
      query_timeout: statementMs + GRACE_MS,
    });
    // Told between statements: the next one finds out as well.
    client.on("error", () => {
      if (this.#client === client) this.#client = null;
    });
    try {
      await client.connect();
      if (this.#options.createTable === true && !this.#isTableMade) await client.query(CREATE);
      this.#isTableMade = true;
      return client;
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client !== null) await within(client.end(), CLOSE_MS, undefined);
  }
}

/** @throws as `readTls` */
function tlsOf({ serverName, ...files }: SqlTls, host: string): object {
  return {
    ...PARAMETERS,
    ...readTls(files),
    rejectUnauthorized: true,
    // Said outright: the library puts the host in the place of any name it is given here.
    checkServerIdentity: (_: string, found: PeerCertificate) => checkServerIdentity(serverName ?? host, found),
  };
}

/** One array a column, in the order of the statement. */
function columnsOf(samples: readonly Sample[]): (string | null)[][] {
  const columns: (string | null)[][] = Array.from({ length: 12 }, () => []);
  for (const sample of samples) {
    const { value } = sample;
    const row = [
      timeOf(sample.timeMs),
      text(sample.id),
      text(sample.gateway),
      text(sample.asset),
      text(sample.point),
      typeof value === "number" ? (Object.is(value, -0) ? "-0" : String(value)) : null,
      typeof value === "bigint" ? String(value) : null,
      typeof value === "string" ? text(value) : null,
      typeof value === "boolean" ? String(value) : null,
      sample.quality,
      sample.timeOf,
      String(sample.historical),
    ];
    row.forEach((cell, column) => {
      (columns[column] as (string | null)[]).push(cell);
    });
  }
  return columns;
}

/** The one character a text column cannot hold. */
function text(value: string): string {
  return value.replaceAll("\0", "\ufffd");
}

/** To the microsecond, as the column has it. */
function timeOf(timeMs: number): string {
  const whole = Math.floor(timeMs);
  const micros = String(Math.floor((timeMs - whole) * 1_000)).padStart(3, "0");
  return new Date(whole).toISOString().replace("Z", `${micros}Z`);
}
