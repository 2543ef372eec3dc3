/** What tshark says of the Modbus messages of a capture, from its PDML: every field with the octets it stands on. */
import { execFileSync } from "node:child_process";

/** One MBAP header and what tshark made of the PDU behind it. null: tshark shows no such field. */
export interface Seen {
  readonly frame: number;
  /** Seconds since 1970, as printed. */
  readonly time: string;
  readonly transaction: number;
  readonly unit: number;
  /** null where tshark shows no PDU at all. */
  readonly function: number | null;
  readonly exception: number | null;
  readonly reference: number | null;
  readonly wordCount: number | null;
  readonly bitCount: number | null;
  readonly byteCount: number | null;
  readonly registers: readonly number[];
  readonly bits: readonly number[];
  readonly diagnostic: number | null;
  readonly and: number | null;
  readonly or: number | null;
  readonly mei: number | null;
  /** Data tshark does not take apart, or names as the data of a diagnostic sub-function, as hex. */
  readonly data: string | null;
  readonly writeReference: number | null;
  readonly writeWordCount: number | null;
  readonly readReference: number | null;
  readonly readWordCount: number | null;
}

const FIELD = /<(?:(proto) name="([^"]*)"|field name="([^"]*)"(?:[^>]*? show="([^"]*)")?(?:[^>]*? value="([^"]*)")?)/g;

export function tsharkMessages(file: string, ports: readonly number[] = []): Seen[] {
  const decodeAs = ports.flatMap((port) => ["-d", `tcp.port==${port},mbtcp`]);
  const pdml = execFileSync("tshark", ["-n", "-r", file, ...decodeAs, "-Y", "mbtcp or modbus", "-T", "pdml", "-J", "mbtcp modbus"], {
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const found: Seen[] = [];
  let frame = 0;
  let time = "";
  let protocol = "";
  let current: Map<string, string[]> | null = null;
  const finish = (): void => {
    if (current !== null) found.push(seen(frame, time, current));
    current = null;
  };
  for (const [, isProtocol, name, field, show, value] of pdml.matchAll(FIELD)) {
    if (isProtocol !== undefined) {
      if (name === "geninfo" || name === "mbtcp") finish();
      if (name === "mbtcp") current = new Map();
      protocol = name as string;
    } else if (protocol === "geninfo" && field === "num") {
      frame = Number(show);
    } else if (protocol === "geninfo" && field === "timestamp") {
      time = value ?? "";
    } else if ((protocol === "mbtcp" || protocol === "modbus") && field !== "" && current !== null) {
      const of = current.get(field as string);
      const isData = field === "modbus.data" || field?.startsWith("modbus.diagnostic.");
      const text = isData ? (value ?? "") : (show ?? "");
      if (of === undefined) current.set(isData ? "modbus.data" : (field as string), [text]);
      else of.push(text);
    }
  }
  finish();
  return found;
}

function seen(frame: number, time: string, fields: ReadonlyMap<string, readonly string[]>): Seen {
  const one = (name: string): number | null => {
    const text = fields.get(name)?.[0];
    return text === undefined ? null : Number(text);
  };
  const all = (name: string): number[] => (fields.get(name) ?? []).map(Number);
  return {
    frame,
    time,
    transaction: one("mbtcp.trans_id") ?? -1,
    unit: one("mbtcp.unit_id") ?? -1,
    function: one("modbus.func_code"),
    exception: one("modbus.exception_code"),
    reference: one("modbus.reference_num"),
    wordCount: one("modbus.word_cnt"),
    bitCount: one("modbus.bit_cnt"),
    byteCount: one("modbus.byte_cnt") ?? one("modbus.byte_cnt_16"),
    registers: all("modbus.regval_uint16"),
    bits: all("modbus.bitval"),
    diagnostic: one("modbus.diagnostic_code"),
    and: one("modbus.and_mask"),
    or: one("modbus.or_mask"),
    mei: one("modbus.mei"),
    data: fields.get("modbus.data")?.[0] ?? null,
    readReference: one("modbus.read_reference_num"),
    writeReference: one("modbus.write_reference_num"),
    readWordCount: one("modbus.read_word_cnt"),
    writeWordCount: one("modbus.write_word_cnt"),
  };
}
