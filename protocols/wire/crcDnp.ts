/**
 * The CRC of a block of a DNP3 link frame: polynomial 0x3D65 reflected (0xA6BC), start 0, the result inverted; sent low octet first.
 * Check value: "123456789" gives 0xEA82.
 *
 * @source IEEE 1815-2012 clause 9.2.2 as public implementations have it (opendnp3, stepfunc/dnp3); check value computed
 */
export function crcDnp(octets: Uint8Array, at: number, length: number): number {
  let crc = 0;
  for (let i = at; i < at + length; i++) crc = (crc >>> 8) ^ (TABLE[(crc ^ (octets[i] as number)) & 0xff] as number);
  return crc ^ 0xffff;
}

const POLYNOMIAL = 0xa6bc;
const TABLE = Uint16Array.from({ length: 256 }, (_, octet) => {
  let crc = octet;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
  return crc;
});
