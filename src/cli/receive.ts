/** `penstock receive`: the far end of one-way lines; and its ledger, read from the disk whether it runs or not. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { isLoopback, loadReceive, pageProblem, type ReceiveSite } from "#config/receive";
import { sayProblem, UserProblems } from "#documents/problems";
import { type HostPort, readHostPort } from "#documents/quantities";
import { whyUnreadable } from "#gateway/documents";
import { type Log, openLog } from "#log";
import { DeliveryQueue } from "#receiver/deliveryQueue";
import { readJournal } from "#receiver/journal";
import { Ledger } from "#receiver/ledger";
import { ledgerCsv, ledgerJson, ledgerMetrics, ledgerText } from "#receiver/ledgerPrint";
import type { PageServer } from "#receiver/page/page";
import type { ReceiverEvent } from "#receiver/receiver";
import { Receiver } from "#receiver/receiver";
import { readStreamKeys } from "#sealing/streamKeys";
import { receiverSteps, sayStep } from "#telemetry/isolation";
import { listenUdp } from "#transport/udp";
import { EXIT } from "./exit.ts";
import { print, printJson } from "./output.ts";
import { sinksOf } from "./receiveSinks.ts";
import { type OpenOutgoing, SinkWatch, statusOf } from "./receiveStatus.ts";

export interface ReceiveOptions {
  readonly config: string;
  readonly explain?: boolean;
  readonly page?: string;
  readonly logLevel: string;
  readonly json?: boolean;
}

const STATUS_MS = 10_000;
const WATCH_MS = 1_000;

export async function receive(options: ReceiveOptions): Promise<number> {
  const site = readReceive(options.config);
  if (options.explain === true) return explain(site);
  const place = placeOfPage(site, options);
  const log = openLog(options.logLevel, process.stderr.isTTY === true && options.json !== true);
  const { document } = site;
  const state = site.path(document.state);
  const streams = document.streams.map(({ stream, keys, checkpoint_key: key }) => ({
    stream,
    keys: readStreamKeys(site.path(keys)),
    renew: () => keysOrNull(site.path(keys)),
    checkpointKey: key === undefined ? null : publicKeyIn(site.path(key)),
  }));
  const outgoing = await openOutgoing(site, state, log);
  const web = place === null ? null : await import("#receiver/page/page");
  const looking = web === null ? null : new web.Looking();
  const settings = { state, streams, silentMs: document.silent, ...(looking === null ? {} : { onlooker: looking }) };
  const receiver = await Receiver.open(settings, outgoing, (event) => tell(log, event));
  const { host, port } = document.listen;
  const line = await listenUdp(host, port, document.buffer, (octets) => receiver.take(octets)).catch((error: NodeJS.ErrnoException) => {
    throw new UserProblems([
      `${options.config}: found listen ${host}:${port}, which cannot be bound (${error.code}); expected an address of this host`,
    ]);
  });
  // Linux tells what it keeps for its own use as well.
  if (line.bufferOctets < document.buffer)
    log.warn({ asked: document.buffer, got: line.bufferOctets }, "the kernel gives less buffer than asked: sysctl net.core.rmem_max");
  const page =
    web === null || looking === null || place === null
      ? null
      : await openPage(
          place,
          () => web.servePage(place.host, place.port, new web.Watched(document.receiver, numbersOf(site), receiver, looking)),
          log,
        );
  receiver.start();
  const sinks = new SinkWatch(outgoing, log);
  const status = setInterval(() => log.info(statusOf(receiver, line.dropped(), sinks), "received"), STATUS_MS);
  const watch = setInterval(() => sinks.look(), WATCH_MS);
  if (options.json === true) printJson({ event: "ready", port: line.port });
  else print("ready");
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (): void => {
      if (isStopping) return;
      isStopping = true;
      clearInterval(status);
      clearInterval(watch);
      void Promise.all([line.close(), page?.close()])
        .then(() => receiver.close())
        .then(() => resolve(EXIT.ok));
    };
    for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, stop);
  });
}

/** The option goes before the document; which addresses it may have the document says. */
function placeOfPage({ document }: ReceiveSite, { page, config }: ReceiveOptions): HostPort | null {
  if (page === undefined) return document.page ?? null;
  const place = readHostPort(page);
  const wrong = typeof place === "string" ? place : pageProblem(place, document.page_open);
  if (typeof place === "string" || wrong !== null) throw new UserProblems([`--page: found ${page}; expected ${wrong} (${config})`]);
  return place;
}

async function openPage(place: HostPort, serve: () => Promise<PageServer>, log: Log): Promise<PageServer> {
  const at = sayHostPort(place);
  const page = await serve().catch((error: NodeJS.ErrnoException) => {
    throw new UserProblems([`page: found ${at}, which cannot be bound (${error.code}); expected an address of this host and a free port`]);
  });
  if (isLoopback(place.host)) log.info({ page: `http://${at}/` }, "the page is served");
  else log.warn({ page: `http://${at}/` }, "the page is served to everybody who reaches this address, unencrypted");
  return page;
}

function sayHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function numbersOf({ document }: ReceiveSite): number[] {
  return document.streams.map(({ stream }) => stream);
}

/** What people should hear of at once, each in a line. */
function tell(log: Log, event: ReceiverEvent): void {
  const { is, ...rest } = event;
  if (is === "alive" || is === "healed") log.info(rest, WORDS[is]);
  else log.warn(rest, WORDS[is]);
}

const WORDS: Readonly<Record<ReceiverEvent["is"], string>> = {
  silent: "nothing comes by this stream any more",
  alive: "it is heard again",
  loss: "records were lost; copies of them may still come",
  healed: "what was lost came late",
  nonceReuse: "two frames under one sequence: the key is not taken any more, make a new one",
  twoSenders: "somebody else sends under this stream's number, with its key",
  refuted: "a checkpoint does not hold: this was not sent by who it says",
  diskFails: "what comes cannot be kept, so it is not taken: it comes again by the carousel",
};

export function readReceive(config: string): ReceiveSite {
  let text: string;
  try {
    text = readFileSync(config, "utf8");
  } catch (error) {
    throw new UserProblems([`${config}: ${whyUnreadable(error)}`]);
  }
  const loaded = loadReceive({ file: config, text });
  if (!loaded.ok) throw new UserProblems(loaded.error.map(sayProblem));
  return loaded.value;
}

function keysOrNull(folder: string): ReturnType<typeof readStreamKeys> | null {
  try {
    return readStreamKeys(folder);
  } catch {
    return null;
  }
}

function publicKeyIn(file: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(readFileSync(file));
  } catch {
    throw new UserProblems([`${file}:1:1: found no public key; expected PEM of an Ed25519 key`]);
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new UserProblems([`${file}:1:1: found a key of type ${key.asymmetricKeyType ?? "?"}; expected PEM of an Ed25519 key`]);
}

async function openOutgoing(site: ReceiveSite, state: string, log: Log): Promise<OpenOutgoing[]> {
  const outgoing: OpenOutgoing[] = [];
  for (const { sink, maxOctets, whenFull } of sinksOf(site, log)) {
    const directory = path.join(state, "queues", sink.name);
    const queue = await DeliveryQueue.open({ directory, sink, whenFull, ...(maxOctets === undefined ? {} : { maxOctets }) });
    outgoing.push({ sink, queue });
  }
  return outgoing;
}

function explain({ document }: ReceiveSite): number {
  const { interface: device, listen, buffer } = document;
  if (device === undefined) throw new UserProblems(["found no interface; expected the one that frames come in by, and nothing else"]);
  for (const step of receiverSteps({ interface: device, address: listen.host, port: listen.port, bufferOctets: buffer }))
    print(sayStep(step));
  return EXIT.ok;
}

export interface LedgerOptions {
  readonly config: string;
  readonly stream?: number;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly prometheus?: boolean;
}

/** As of the last batch that is on the disk. */
export async function receiveLedger({ config, stream, json, csv, prometheus }: LedgerOptions): Promise<number> {
  const site = readReceive(config);
  const file = path.join(site.path(site.document.state), "seen", "journal");
  let octets: Uint8Array;
  try {
    octets = readFileSync(file);
  } catch (error) {
    throw new UserProblems([`${file}: ${whyUnreadable(error)}; has this receiver run yet?`]);
  }
  const read = readJournal(octets);
  const ledger = new Ledger();
  for (const batch of read.batches) if (batch.ledger !== undefined) ledger.restore(batch.ledger);
  const rows = ledger.rows(stream);
  const loss = read.head?.loss ?? null;
  if (json === true) process.stdout.write(ledgerJson(rows));
  else if (csv === true) process.stdout.write(ledgerCsv(rows));
  else if (prometheus === true) process.stdout.write(ledgerMetrics(ledger.totals(), loss));
  else print(ledgerText(rows, undefined, loss));
  return EXIT.ok;
}
