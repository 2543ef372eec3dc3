/** How much of the loop handshakes may take (RULINGS 24). */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { authority, keyOf } from "#test/support/certificates";
import { HandshakeShare } from "#transport/share";

const share = suite("transport/share");

/** Time stands still until it is moved, so the share's own timers find nothing to do. */
function shareAt(costMs: number) {
  const clock = { now: 0 };
  const handshakes = new HandshakeShare(() => clock.now);
  handshakes.costMs = costMs;
  const began: string[] = [];
  const ask = (name: string, known = name.startsWith("k")): (() => void) => handshakes.ask(known, () => began.push(name));
  const pass = (ms: number, step = 10): string[] => {
    const before = began.length;
    for (let t = 0; t < ms; t += step) {
      clock.now += step;
      handshakes.look();
    }
    return began.slice(before);
  };
  return { handshakes, ask, pass, began };
}

share("RULINGS 24: strangers get a twentieth of the loop's time, in the order they came", () => {
  const { ask, pass, began } = shareAt(2);
  const names = Array.from({ length: 100 }, (_, i) => `s${i}`);
  for (const name of names) ask(name);
  assert.is(began.length, 5, "ten milliseconds were saved up");
  const second = pass(1_000);
  assert.is(second.length, 25, "fifty milliseconds of a thousand");
  assert.equal([...began], names.slice(0, 30));
});

share("RULINGS 24: a flood of strangers leaves half to known addresses, which go ahead of them", () => {
  const { ask, pass } = shareAt(2);
  for (let i = 0; i < 500; i++) ask(`s${i}`);
  pass(1_000);
  for (let i = 0; i < 500; i++) ask(`k${i}`);
  const began = pass(1_000);
  const known = began.filter((name) => name.startsWith("k")).length;
  assert.ok(known >= 25 && known + (began.length - known) <= 51 + 5, `${known} known of ${began.length}`);
  assert.is(pass(1_000).filter((name) => name.startsWith("k")).length, 50, "where they need it, known ones have all of it");
});

share("RULINGS 24: known addresses pay with what is kept for them first: strangers still have theirs", () => {
  const { ask, began } = shareAt(2);
  const names = ["k0", "k1", "k2", "k3", "k4", "s0", "s1", "s2", "s3", "s4"];
  for (const name of [...names, "k5", "s5"]) ask(name);
  assert.equal(began, names, "ten milliseconds of each were saved up");
});

share("known addresses have a tenth where nobody else comes; nothing is saved up beyond a burst", () => {
  const { ask, pass, began } = shareAt(2);
  pass(60_000, 1_000);
  for (let i = 0; i < 500; i++) ask(`k${i}`);
  assert.is(began.length, 10, "twenty milliseconds, and not six seconds");
  assert.is(pass(1_000).length, 50);
});

share("whoever leaves does not use up a turn; a handshake that costs more than a burst still begins", () => {
  const { handshakes, ask, pass, began } = shareAt(30);
  const leave = ask("s0");
  ask("s1");
  leave();
  assert.is(handshakes.waiting, 2);
  assert.equal(pass(1_000), ["s1"]);
  assert.equal(began, ["s1"]);
  ask("k1");
  ask("k2");
  assert.equal(began, ["s1", "k1", "k2"], "each purse held one");
  ask("k3");
  assert.equal(pass(200), []);
  assert.equal(pass(400), ["k3"]);
});

share("it comes back by itself for those who wait", async () => {
  const handshakes = new HandshakeShare();
  handshakes.costMs = 1;
  let begun = 0;
  const all = new Promise<void>((resolve) => {
    for (let i = 0; i < 14; i++)
      handshakes.ask(false, () => {
        begun += 1;
        if (begun === 14) resolve();
      });
  });
  const keep = setInterval(() => {}, 50);
  const started = performance.now();
  await all;
  clearInterval(keep);
  const took = performance.now() - started;
  assert.ok(took > 50, `${took} ms for 4 ms more than were saved up`);
});

share("what a handshake costs is measured: an RSA key of 3072 bits costs more than an elliptic one", async () => {
  const handshakes = new HandshakeShare();
  const costs: number[] = [];
  for (const key of ["p256", "rsa3072", "p256", "rsa3072"] as const) {
    const ca = authority("plant");
    const made = ca.issue({ name: "gateway", key: keyOf(key) });
    await handshakes.measure({ certificatePem: made.chainPem, keyPem: made.keyPem, caPem: [made.pem] });
    costs.push(handshakes.costMs);
  }
  // The first two are dearer: nothing is compiled yet.
  const [, , elliptic, rsa] = costs as [number, number, number, number];
  assert.ok(elliptic > 0.1 && elliptic < 50, `${elliptic} ms`);
  assert.ok(rsa > elliptic, `${rsa} ms, ${elliptic} ms`);
  await handshakes.measure({ certificatePem: "nonsense", keyPem: "", caPem: [] });
  assert.is(handshakes.costMs, rsa, "what cannot be measured leaves it as it was");
});

share("RULINGS 24: nothing costs less than a fifth of a millisecond, whatever a coarse clock says", async () => {
  const { handshakes, ask, began } = shareAt(2);
  const made = authority("plant").issue({ name: "gateway", key: keyOf("p256") });
  const { cpuUsage } = process;
  process.cpuUsage = () => ({ user: 0, system: 0 });
  try {
    await handshakes.measure({ certificatePem: made.chainPem, keyPem: made.keyPem, caPem: [made.pem] });
  } finally {
    process.cpuUsage = cpuUsage;
  }
  assert.is(handshakes.costMs, 0.2);
  for (let i = 0; i < 200; i++) ask(`s${i}`);
  assert.ok(began.length >= 49 && began.length <= 50, `${began.length} for ten milliseconds`);
});

share.run();
