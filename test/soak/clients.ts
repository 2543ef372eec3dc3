/** The operators of a soak, a process of its own: sixty-four sessions that ask, are denied, are cut and come again. */
import { createWriteStream } from "node:fs";
import { Random } from "#test/fuzz/random";
import { Lateness } from "./lateness.ts";
import type { ClientCounts, FromClients, Papers, ToClients } from "./messages.ts";
import { digest, MOST_SERIAL } from "./requests.ts";
import { type Noted, type Office, Sender } from "./sender.ts";

const COUNTS_MS = 1_000;
const TICK_MS = 10;
/** Turns saved up while nobody could ask; more would come as a flood afterwards. */
const MOST_SAVED = 500;
/** A batch is some 2.5 requests. */
const PER_TURN = 2.5;
/** A connection made so soon after the gateway's certificate changed may still have been shown the old one. */
const CHANGE_MS = 2_000;

const say = (message: FromClients): void => void process.send?.(message);

const papers = new Map<string, Papers>();
const revoked = new Map<string, number>();
/** The gateway's certificates, each with the wall millisecond it came into force. */
const gateways: { serial: string; sinceMs: number }[] = [];
let ports: Extract<ToClients, { is: "ports" }>["ports"] = null;
let stopping = false;

// Nobody is left to work for.
process.once("disconnect", () => process.exit());
process.on("message", (message: ToClients) => {
  switch (message.is) {
    case "plan":
      void work(message);
      return;
    case "papers":
      papers.set(message.papers.who, message.papers);
      return;
    case "ports":
      ports = message.ports;
      return;
    case "revoked":
      revoked.set(message.serial, message.sinceMs);
      return;
    case "gateway":
      inForce(message.serial, message.sinceMs);
      return;
    case "stop":
      stopping = true;
  }
});

async function work({ plan, sessions, file }: Extract<ToClients, { is: "plan" }>): Promise<void> {
  const out = createWriteStream(file);
  const lateness = new Lateness();
  const queue: ((go: boolean) => void)[] = [];
  let saved = 0;
  let serial = 0;
  let asked = 0;
  let answered = 0;
  let denied = 0;
  let last = performance.now();
  const pace = setInterval(() => {
    const now = performance.now();
    saved = Math.min(MOST_SAVED, saved + ((now - last) / 1000) * (plan.rate / PER_TURN));
    last = now;
    while (queue.length > 0 && (saved >= 1 || stopping)) {
      saved -= 1;
      queue.shift()?.(!stopping);
    }
  }, TICK_MS);
  const office: Office = {
    port: (listener) => ports?.[listener] ?? null,
    papers: (who) => papers.get(who) ?? null,
    revokedMs: (shown) => revoked.get(shown) ?? null,
    isGateways: (shown, nowMs) => gateways.length === 0 || gateways.some((each, i) => each.serial === shown && !isOver(i, nowMs)),
    nextSerial: () => {
      serial += 1;
      if (serial > MOST_SERIAL) throw new Error("more requests than numbers");
      return serial;
    },
    turn: () => new Promise((resolve) => queue.push(resolve)),
    note: (entry) => {
      asked += 1;
      if (entry.answer !== "none") answered += 1;
      if (entry.answer === "1" || entry.answer === "3") denied += 1;
      out.write(lineOf(entry));
    },
    get latenessMs() {
      return lateness.recentMs;
    },
    wrong: (words) => say({ is: "wrong", words }),
    get stopping() {
      return stopping;
    },
  };
  const senders = sessions.map((session, i) => new Sender(office, session, i, new Random(plan.seed, `session ${i}`)));
  const total = (of: (sender: Sender) => number): number => senders.reduce((sum, sender) => sum + of(sender), 0);
  const counts = (): ClientCounts => ({
    connected: senders.filter(({ connected }) => connected).length,
    asked,
    answered,
    denied,
    connects: total(({ connects }) => connects),
    renewals: total(({ renewals }) => renewals),
    cutAtEnd: total(({ cutAtEnd }) => cutAtEnd),
    turnedAway: total(({ turnedAway }) => turnedAway),
    latenessMs: lateness.mostMs,
  });
  const told = setInterval(() => say({ is: "counts", counts: counts() }), COUNTS_MS);
  await Promise.all(senders.map((sender) => sender.run()));
  clearInterval(pace);
  clearInterval(told);
  await new Promise((resolve) => out.end(resolve));
  say({ is: "done", counts: counts() });
  process.disconnect();
}

/** Known beforehand, in force from a time that is told later. */
function inForce(serial: string, sinceMs: number): void {
  const known = gateways.find((each) => each.serial === serial);
  if (known === undefined) gateways.push({ serial, sinceMs });
  else known.sinceMs = sinceMs;
}

/** Has another one been in force for long enough? */
function isOver(i: number, nowMs: number): boolean {
  const next = gateways[i + 1];
  return next !== undefined && nowMs > next.sinceMs + CHANGE_MS;
}

/** Number, kind, asset, who, may pass, writes, sent, answered, answer, digest. */
function lineOf({ serial, request, asset, who, sentMs, answeredMs, answer }: Noted): string {
  const { kind, mayPass, write, unit, pdu } = request;
  return `${serial} ${kind} ${asset} ${who} ${mayPass ? 1 : 0} ${write ? 1 : 0} ${sentMs} ${answeredMs} ${answer} ${digest(unit, pdu)}\n`;
}
