/** An address and a port, as a person writes them. */
import { visible } from "#documents/escape";
import { parseIp } from "#transport/interfaces";
import { UsageError } from "./exit.ts";

/** `10.10.5.1:8021`, `gw.plant:8021`, `[fd00::1]:8021`. @throws UsageError naming the option */
export function hostPort(text: string, option: string, least: 0 | 1): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3]);
  const bracketed = match?.[1] !== undefined;
  if (host === "" || !(port >= least && port <= 65_535) || (bracketed && parseIp(host) === null)) {
    throw new UsageError([`${option}: found "${visible(text)}"; expected an address and a port, as 10.10.5.1:8021 or [fd00::1]:8021`]);
  }
  return { host, port };
}
