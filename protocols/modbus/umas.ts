/**
 * Words for UMAS, a vendor's own protocol inside function 90. For logs and captures only: the numbers were found out by others and never
 * published, so no decision may hang on them, and policy grants function 90 whole or not at all (RULINGS 5).
 *
 *     0     1                2               3..
 *     90    session key      UMAS function   data; of a reply 0xFE (done) or 0xFD (error) in place of the function
 */

export const UMAS = 90;

/** null where the PDU is no UMAS request or too short to tell. */
export function umasName(octets: Uint8Array, at: number, length: number): string | null {
  if (length < 3 || octets[at] !== UMAS) return null;
  const number = octets[at + 2] as number;
  return NAMES.get(number) ?? `UMAS function 0x${number.toString(16).padStart(2, "0")}`;
}

/** Two community dissectors with one common origin. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x01, "UMAS initialise"],
  [0x02, "UMAS read identification"],
  [0x03, "UMAS read project information"],
  [0x04, "UMAS read PLC information"],
  [0x06, "UMAS read card information"],
  [0x0a, "UMAS echo"],
  [0x10, "UMAS take reservation"],
  [0x11, "UMAS release reservation"],
  [0x12, "UMAS keep alive"],
  [0x20, "UMAS read memory"],
  [0x22, "UMAS read variables"],
  [0x23, "UMAS write variables"],
  [0x24, "UMAS read coils and registers"],
  [0x25, "UMAS write coils and registers"],
  [0x30, "UMAS begin transfer to PLC"],
  [0x31, "UMAS transfer block to PLC"],
  [0x32, "UMAS end transfer to PLC"],
  [0x33, "UMAS begin transfer from PLC"],
  [0x34, "UMAS transfer block from PLC"],
  [0x35, "UMAS end transfer from PLC"],
  [0x39, "UMAS Ethernet data"],
  [0x40, "UMAS start PLC"],
  [0x41, "UMAS stop PLC"],
  [0x50, "UMAS monitor PLC"],
  [0x58, "UMAS check PLC"],
  [0x70, "UMAS read I/O object"],
  [0x71, "UMAS write I/O object"],
  [0x73, "UMAS module status"],
]);
