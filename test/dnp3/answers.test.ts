/** What a denied request is answered with, octet for octet, by function and code; and what is met with silence. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeConfirm } from "#dnp3/answers";
import { decodeFragment } from "#dnp3/application";
import { FUNCTION, functionRow } from "#dnp3/functions";
import { FRAGMENT_LIMIT } from "#dnp3/transport";
import { DENIALS, type DenialCode } from "#events";
import { dnp3Tcp } from "#session/dnp3";
import { fromHex, toHex } from "#wire";

const answers = suite("dnp3/answers");

const OUTSTATION = 10;
const CODES = Object.keys(DENIALS) as DenialCode[];

function hex(text: string): Uint8Array {
  return fromHex(text.replaceAll(" ", "")) as Uint8Array;
}

/** In hexadecimal; null: silence. */
function answerTo(request: Uint8Array, code: DenialCode, unit = OUTSTATION): string | null {
  if (dnp3Tcp.answerable(request, request.length, unit, code) !== "answer") return null;
  const target = new Uint8Array(4_096).fill(0xee);
  const length = dnp3Tcp.encodeDenial(target, 3, request, request.length, code, 0);
  assert.equal([target[2], target[3 + length]], [0xee, 0xee], "nothing beside it is written");
  return toHex(target, 3, length);
}

const TRIP = "0c0128 0100 0a00 81 01 64000000 64000000";
const VOLTS = "290417 01 07 000000000000f03f";

/** Status of commands, and the second octet of indications where there are none (the first with it where it says something). */
const TOLD: readonly [code: DenialCode, status: string, indications: string][] = [
  ["nothingAllows", "09", "0001"],
  ["never", "09", "0001"],
  ["forbidden", "09", "0001"],
  ["viaNotListed", "09", "0001"],
  ["codeNotListed", "09", "0001"],
  ["readOnly", "09", "0001"],
  ["aboveMaximum", "09", "0001"],
  ["rateExceeded", "09", "0001"],
  ["outsideHours", "09", "0001"],
  ["notEventOwner", "09", "0001"],
  ["notANumber", "09", "0001"],
  ["factUnavailable", "09", "0001"],
  ["certificateExpired", "09", "0001"],
  ["notSelected", "02", "0004"],
  ["selectExpired", "01", "0004"],
  ["tooManySelects", "08", "0010"],
  ["queueFull", "08", "0010"],
  ["blocked", "0f", "0001"],
  ["evidenceUnavailable", "0a", "4001"],
  ["internal", "06", "4001"],
  ["unknownObject", "09", "0002"],
  ["objectNotListed", "09", "0002"],
  ["badFunction", "09", "0001"],
  ["timeNotOurs", "09", "0004"],
  ["badStatus", "03", "0004"],
  ["duplicateIndex", "03", "0004"],
  ["truncated", "03", "0004"],
  ["badQualifier", "03", "0004"],
];

for (const [code, status, indications] of TOLD) {
  answers(`${code}: status ${Number.parseInt(status, 16)}, or indications ${indications}`, () => {
    for (const functionCode of ["03", "04", "05"]) {
      const told = answerTo(hex(`c7 ${functionCode} ${TRIP} 00 ${VOLTS} 00`), code);
      assert.is(told, toHex(hex(`c081 0000 ${TRIP} ${status} ${VOLTS} ${status}`)), `function ${functionCode}`);
    }
    for (const request of ["c701 3c0206", "c702 500100 0707 00", "c707 140006", "c70d", "c714 3c0206", "c719 46035b 01 0000", "c746"])
      assert.is(answerTo(hex(request), code), toHex(hex(`c081 ${indications}`)), request);
  });
}

answers("a status the request came with is written over", () => {
  assert.is(answerTo(hex(`c105 ${TRIP} 8c`), "badStatus"), toHex(hex(`c081 0000 ${TRIP} 03`)));
});

answers("a command that cannot be read is answered by indications", () => {
  assert.is(answerTo(hex(`c105 ${TRIP}`), "truncated"), "c0810004");
  assert.is(answerTo(hex(`c105 ${TRIP} 00 c80128 0000`), "unknownObject"), "c0810002");
  assert.is(answerTo(hex("c105"), "empty"), "c0810001");
});

answers("so is one without a place for a status: an echo would read like success", () => {
  assert.is(answerTo(hex("c103 0c0300 0007 0f"), "nothingAllows"), "c0810001", "the mask of a pattern");
  assert.is(answerTo(hex("c105 0c0128 0000"), "empty"), "c0810001", "no command");
  const pattern = "0c0207 01 03 01 64000000 64000000";
  assert.is(answerTo(hex(`c103 ${pattern} 00 0c0300 0007 0f`), "nothingAllows"), toHex(hex(`c081 0000 ${pattern} 09 0c0300 0007 0f`)));
});

answers("and one whose echo would be longer than a fragment may be", () => {
  const commands = (count: number): Uint8Array => {
    const objects = Array.from({ length: count }, (_, i) => [i & 0xff, i >> 8, 1, 0, 0]).flat();
    return Uint8Array.from([0xc0, 5, 0x29, 0x02, 0x28, count & 0xff, count >> 8, ...objects]);
  };
  assert.is(answerTo(commands(407), "aboveMaximum")?.length, 2 * (commands(407).length + 2));
  assert.is(commands(408).length, FRAGMENT_LIMIT - 1);
  assert.is(answerTo(commands(408), "aboveMaximum"), "c0810001");
});

answers("silence: functions without an answer, broadcasts, half a head, and a device that is away", () => {
  for (const code of CODES.filter((each) => each !== "transactionReused")) {
    for (const { silent, code: functionCode } of Object.values(FUNCTION).map(functionRow))
      if (silent) assert.is(answerTo(Uint8Array.of(0xc0, functionCode), code), null, `function ${functionCode}, ${code}`);
    for (const unit of [0xfffd, 0xfffe, 0xffff]) assert.is(answerTo(hex(`c105 ${TRIP} 00`), code, unit), null);
    assert.is(answerTo(hex("c1"), code), null);
  }
  assert.equal(
    Object.entries(FUNCTION).flatMap(([name, code]) => (functionRow(code).silent ? [name] : [])),
    ["confirm", "directOperateNoAck", "immediateFreezeNoAck", "freezeAndClearNoAck", "freezeAtTimeNoAck", "authenticationRequestNoAck"],
  );
  for (const code of ["deviceUnreachable", "deviceSilent", "badControl"] as const)
    assert.is(answerTo(hex("c101 3c0206"), code), null, code);
});

answers("a sequence that is open already ends the session", () => {
  assert.is(dnp3Tcp.answerable(hex("c101 3c0206"), 5, OUTSTATION, "transactionReused"), "close");
});

answers("every code is answered, to every function that has an answer, by a whole response that says no", () => {
  for (const code of CODES)
    for (let functionCode = 0; functionCode < 129; functionCode++) {
      const told = answerTo(Uint8Array.of(0xcf, functionCode), code);
      if (told === null) continue;
      const octets = hex(told);
      const decoded = decodeFragment(octets, 0, octets.length);
      assert.ok(decoded.ok && decoded.value.fault === null && decoded.value.control === 0xc0, `${code} ${functionCode}`);
      assert.is.not(octets[3], 0, `${code} ${functionCode}`);
    }
});

answers("a confirm of either kind", () => {
  const target = new Uint8Array(4);
  assert.is(encodeConfirm(target, 1, 0x1b, false), 2);
  assert.is(toHex(target), "00cb0000");
  encodeConfirm(target, 1, 5, true);
  assert.is(toHex(target), "00d50000");
});

answers.run();
