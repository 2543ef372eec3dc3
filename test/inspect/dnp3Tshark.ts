/** What tshark says of the DNP3 link frames of a capture, from its PDML, in the words our lines are put into to be compared. */
import { execFile } from "node:child_process";

const FIELD = /<(?:proto name="([^"]*)"|field name="([^"]*)"(?:[^>]*? show="([^"]*)")?)/g;

/** `frame`, then facts: `link 196 1>10`, `transport FIR FIN 0`, `application 3 seq 0`, `object 0x0c01`, `index 0`, ... */
export interface Told {
  readonly frame: number;
  readonly facts: readonly string[];
}

/** Values by the name of the field they stand in; what tshark calls by several names is one here. */
const VALUES: Readonly<Record<string, string>> = {
  "dnp3.al.ana.int": "value",
  "dnp3.al.ana.float": "float",
  "dnp3.al.ana.double": "float",
  "dnp3.al.anaout.int": "value",
  "dnp3.al.anaout.float": "float",
  "dnp3.al.anaout.double": "float",
  "dnp3.al.cnt": "value",
  "dnp3.al.ctrlstatus": "status",
  "dnp3.al.index": "index",
};

export function tsharkFrames(file: string, port: number): Promise<Told[]> {
  const decodeAs = ["-d", `tcp.port==${port},dnp3`, "-d", `udp.port==${port},dnp3`];
  const args = ["-n", "-r", file, ...decodeAs, "-Y", "dnp3", "-T", "pdml", "-J", "dnp3"];
  return new Promise((resolve, reject) => {
    execFile("tshark", args, { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 }, (error, pdml) => {
      if (error !== null) reject(error);
      else resolve(told(pdml));
    });
  });
}

function told(pdml: string): Told[] {
  const all: Told[] = [];
  let frame = 0;
  let facts: string[] = [];
  let link = new Map<string, string>();
  const end = (): void => {
    if (link.has("dnp3.ctl")) all.push({ frame, facts });
  };
  for (const [, protocol, name = "", show = ""] of pdml.matchAll(FIELD)) {
    if (protocol === "geninfo") end();
    if (protocol !== undefined) {
      if (protocol === "geninfo") link = new Map();
      continue;
    }
    if (name === "num") frame = Number(show);
    if (name === "dnp3.start") {
      end();
      link = new Map();
      facts = [];
    }
    link.set(name, show);
    const number = Number(show);
    const of = (field: string): number => Number(link.get(field));
    if (name === "dnp3.src") facts.push(`link ${of("dnp3.ctl")} ${number}>${of("dnp3.dst")}`);
    else if (name === "dnp3.tr.seq") facts.push(`transport ${of("dnp3.tr.fir")} ${of("dnp3.tr.fin")} ${number}`);
    else if (name === "dnp3.al.func")
      facts.push(
        `application ${number} seq ${of("dnp3.al.seq")} ${["fir", "fin", "con", "uns"].map((bit) => of(`dnp3.al.${bit}`)).join("")}`,
      );
    else if (name === "dnp3.al.iin") facts.push(`iin ${number}`);
    else if (name === "dnp3.al.obj") facts.push(`object ${number >> 8}/${number & 0xff}`);
    else if (name === "dnp3.al.range.stop") facts.push(`range ${of("dnp3.al.range.start")}-${number}`);
    else if (name === "dnp3.al.range.quantity") facts.push(`quantity ${number}`);
    else if (VALUES[name] === "float") facts.push(`value ${Number(number.toPrecision(5))}`);
    else if (VALUES[name] === "value") facts.push(`value ${Number(number.toPrecision(5))}`);
    else if (VALUES[name] !== undefined) facts.push(`${VALUES[name]} ${number}`);
  }
  end();
  return all;
}
