/**
 * The CRC of a Modbus serial frame: polynomial 0x8005 reflected (0xA001), start 0xFFFF, no final xor; sent low octet first.
 * Check value: "123456789" gives 0x4B37.
 *
 * @source MODBUS over Serial Line V1.02 section 2.5.1.2 and its appendix B.
 */
export function crc16(octets: Uint8Array, at: number, length: number): number {
  let crc = 0xffff;
  for (let i = at; i < at + length; i++) crc = (crc >>> 8) ^ (TABLE[(crc ^ (octets[i] as number)) & 0xff] as number);
  return crc;
}

const POLYNOMIAL = 0xa001;
const TABLE = Uint16Array.from({ length: 256 }, (_, octet) => {
  let crc = octet;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
  return crc;
});
