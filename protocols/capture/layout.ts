/**
 * The declared layouts of capture files: the pcap file header and the two pcapng blocks that open a section and an interface. Read once per file,
 * section or interface, never per packet. The one place of this room that knows binary-parser, which throws on short input: every
 * reader here is given octets that were counted before.
 */
import { Parser } from "binary-parser/dist/binary_parser.js";

/**
 *     0      4              6              8         12          16       20
 *     magic  version major  version minor  timezone  sigfigs     snaplen  link type
 *
 * @source draft-ietf-opsawg-pcap section 4
 */
export interface PcapHeader {
  readonly major: number;
  readonly minor: number;
  readonly snaplen: number;
  /** The lower 16 bits are the link type; above them stand the length of a frame check sequence and reserved bits. */
  readonly linkField: number;
}
export const PCAP_HEADER = 24;

/**
 *     0     4             8                 12     14     16 (64 bits)     24
 *     type  total length  byte-order magic  major  minor  section length  options
 *
 * @source draft-ietf-opsawg-pcapng section 4.1
 */
export interface SectionHeader {
  readonly major: number;
  readonly minor: number;
}
export const SECTION_HEADER = 24;

/**
 *     0     4             8          10        12       16
 *     type  total length  link type  reserved  snaplen  options
 *
 * @source draft-ietf-opsawg-pcapng section 4.2
 */
export interface InterfaceHeader {
  readonly link: number;
  readonly snaplen: number;
}
export const INTERFACE_HEADER = 16;

type Endianness = "little" | "big";

function pcapLayout(order: Endianness) {
  return new Parser().endianness(order).seek(4).uint16("major").uint16("minor").seek(8).uint32("snaplen").uint32("linkField");
}

function sectionLayout(order: Endianness) {
  return new Parser().endianness(order).seek(12).uint16("major").uint16("minor");
}

function interfaceLayout(order: Endianness) {
  return new Parser().endianness(order).seek(8).uint16("link").seek(2).uint32("snaplen");
}

const PCAP = { little: pcapLayout("little"), big: pcapLayout("big") };
const SECTION = { little: sectionLayout("little"), big: sectionLayout("big") };
const INTERFACE = { little: interfaceLayout("little"), big: interfaceLayout("big") };

/** @param octets at least `PCAP_HEADER` of them. */
export function readPcapHeader(octets: Uint8Array, little: boolean): PcapHeader {
  return PCAP[little ? "little" : "big"].parse(octets);
}

/** @param octets at least `SECTION_HEADER` of them. */
export function readSectionHeader(octets: Uint8Array, little: boolean): SectionHeader {
  return SECTION[little ? "little" : "big"].parse(octets);
}

/** @param octets at least `INTERFACE_HEADER` of them. */
export function readInterfaceHeader(octets: Uint8Array, little: boolean): InterfaceHeader {
  return INTERFACE[little ? "little" : "big"].parse(octets);
}
