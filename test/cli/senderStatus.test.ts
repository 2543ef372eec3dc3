/** How the sender is, for people, programs and metrics; and that somebody is told when it is not running. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SenderChild } from "#cli/senderChild";
import { showStatus } from "#cli/status";
import type { SendSite } from "#config/site";
import { openLog } from "#log";
import { metricsText } from "#management/metrics";
import type { SenderStatus, Status } from "#management/protocol";
import { PipeOffer } from "#telemetry/pipe";
import { House, sleep } from "#test/support/house";

const RUNNING: SenderStatus = {
  alive: true,
  silentSeconds: 0,
  restarts: 2,
  epoch: 1_764_000_000,
  frames: 1_234,
  notSent: 5,
  waiting: 678,
  spoolOctets: 2_500_000,
};
const SILENT: SenderStatus = {
  alive: false,
  silentSeconds: 10,
  restarts: 0,
  epoch: null,
  frames: null,
  notSent: null,
  waiting: null,
  spoolOctets: null,
};

const status = suite<{ house: House | null }>("cli/senderStatus");
status.before.each((context) => {
  context.house = null;
});
status.after.each(async ({ house }) => house?.close());

async function statusWith(context: { house: House | null }, sender: () => SenderStatus | null): Promise<Status> {
  const offer = new PipeOffer(1_200);
  context.house = await House.open({ telemetry: offer, sender });
  return context.house.gateway.status();
}

function shown(of: Status): string {
  const lines: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = ((text: string) => lines.push(text) > 0) as typeof write;
  try {
    showStatus({ status: of } as Parameters<typeof showStatus>[0], false);
  } finally {
    process.stdout.write = write;
  }
  return lines.join("");
}

status("one that runs: its figures are shown, told to programs and to metrics, and nobody is warned", async (context) => {
  const of = await statusWith(context, () => RUNNING);
  assert.equal(of.telemetry?.sender, RUNNING);
  assert.not.match(of.warnings.join("\n"), /TELEMETRY/);
  assert.match(
    shown(of),
    /SENDER +EPOCH +FRAMES +NOT SENT +WAITING +SPOOL +RESTARTS\s*\n *running +1764000000 +1234 +5 +678 octets +2\.5 MB +2/,
  );
  const text = await metricsText(of);
  for (const line of [
    "penstock_sender_up 1",
    "penstock_sender_epoch 1764000000",
    "penstock_sender_frames_total 1234",
    "penstock_sender_frames_not_sent_total 5",
    "penstock_sender_waiting_bytes 678",
    "penstock_sender_spool_bytes 2500000",
    "penstock_sender_restarts_total 2",
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

status("one that said nothing for ten seconds: a warning, and not before; what it has not said is not 0", async (context) => {
  let sender = { ...SILENT, silentSeconds: 9 };
  const early = await statusWith(context, () => sender);
  assert.not.match(early.warnings.join("\n"), /TELEMETRY/);
  sender = SILENT;
  const late = context.house?.gateway.status() as Status;
  assert.match(late.warnings.join("\n"), /TELEMETRY: the sender is not running: no word of it for 10 s/);
  assert.match(shown(late), /silent +- +- +- +- +- +0/);
  const text = await metricsText(late);
  assert.ok(text.includes("penstock_sender_up 0\n"));
  assert.not.match(text, /penstock_sender_(epoch|frames|waiting|spool)/);
});

status("where nobody says how it is, nothing is shown of it", async (context) => {
  const of = await statusWith(context, () => null);
  assert.is(of.telemetry?.sender, null);
  assert.not.match(shown(of), /SENDER/);
  assert.not.match(await metricsText(of), /penstock_sender/);
});

status("a process that cannot do its work is started again, counted, and known to be silent by the clock", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-child-"));
  const own = process.argv[1];
  try {
    const main = path.join(folder, "main.mjs");
    writeFileSync(
      main,
      'process.stdout.write(\'{"epoch":5,"frames":6,"notSent":0,"waiting":7,"spool":{"octets":8}}\\nnull\\n[\\n\'); setTimeout(() => {}, 300);',
    );
    process.argv[1] = main;
    const to = { host: "127.0.0.1", port: 20_700 };
    const child = new SenderChild(
      { to, from: "127.0.0.1", interface: null } as SendSite,
      "site.yaml",
      new PipeOffer(1_200),
      openLog("silent", false),
    );
    const before = child.look();
    assert.equal([before.alive, before.restarts, before.epoch], [false, 0, null]);
    child.start();
    for (let i = 0; i < 250 && child.look().epoch === null; i++) await sleep(20);
    const { silentSeconds, ...said } = child.look();
    assert.equal(said, { alive: true, restarts: 0, epoch: 5, frames: 6, notSent: 0, waiting: 7, spoolOctets: 8 });
    assert.ok(silentSeconds < 5);
    const later = child.look(performance.now() + 11_000);
    assert.equal([later.alive, later.silentSeconds >= 10], [false, true]);
    for (let i = 0; i < 400 && child.look().restarts === 0; i++) await sleep(20);
    assert.is(child.look().restarts, 1);
    await child.stop();
  } finally {
    process.argv[1] = own as string;
    rmSync(folder, { recursive: true });
  }
});

status.run();
