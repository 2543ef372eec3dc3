/**
 * What a host at one end of the line has to be told so that the line is one-way whatever runs on it: nothing comes in at the sender's interface,
 * nothing goes out at the receiver's, and the sender needs nobody's answer. As commands, each of which leaves things as they are when it is run
 * again.
 *
 * @source measured: only hooks at the device itself (netdev) stop ARP too; permanent neighbours ask nobody
 */

export interface SenderEnd {
  readonly interface: string;
  readonly from: string;
  readonly to: string;
  /** Of the receiver, or of the next hop; null: an interface without such addresses (loopback). */
  readonly mac: string | null;
}

export interface ReceiverEnd {
  readonly interface: string;
  readonly address: string;
  readonly port: number;
  /** Octets of its socket's buffer. */
  readonly bufferOctets: number;
}

export interface Step {
  readonly why: string;
  readonly command: readonly string[];
  /** On its standard input. */
  readonly input?: string;
}

/** One table for each interface, made anew in one transaction. */
function table(name: string, device: string, hook: "ingress" | "egress"): string {
  return [
    `table netdev ${name}`,
    `delete table netdev ${name}`,
    `table netdev ${name} {`,
    `  chain ${hook} {`,
    `    type filter hook ${hook} device "${device}" priority -500; policy drop;`,
    "    counter drop",
    "  }",
    "}",
    "",
  ].join("\n");
}

/** A name nft takes, of any interface's. */
function tableOf(device: string): string {
  return `penstock_${device.replaceAll(/[^A-Za-z0-9]/g, "_")}`;
}

const host = (address: string): string => (address.includes(":") ? `${address}/128` : `${address}/32`);

export function senderSteps({ interface: device, from, to, mac }: SenderEnd): Step[] {
  const neighbour: Step[] =
    mac === null
      ? []
      : [
          {
            why: "the receiver's hardware address, for good: nobody is asked for it",
            command: ["ip", "neigh", "replace", to, "lladdr", mac, "dev", device, "nud", "permanent"],
          },
        ];
  return [
    {
      why: "nothing that comes in at this interface reaches anything on this host",
      command: ["nft", "-f", "-"],
      input: table(tableOf(device), device, "ingress"),
    },
    { why: "the interface says and asks nothing of its own accord", command: ["ip", "link", "set", "dev", device, "arp", "off"] },
    {
      why: "no IPv6 of its own accord either",
      command: ["sysctl", "-q", "-w", `net.ipv6.conf.${device.replaceAll(".", "/")}.disable_ipv6=${from.includes(":") ? 0 : 1}`],
    },
    {
      why: "to the receiver by this interface, with this address",
      command: ["ip", "route", "replace", host(to), "dev", device, "src", from],
    },
    ...neighbour,
  ];
}

export function receiverSteps({ interface: device, bufferOctets }: ReceiverEnd): Step[] {
  return [
    {
      why: "nothing leaves this host by this interface, whoever sends it",
      command: ["nft", "-f", "-"],
      input: table(tableOf(device), device, "egress"),
    },
    { why: "the interface asks nothing of its own accord", command: ["ip", "link", "set", "dev", device, "arp", "off"] },
    { why: "room for what comes while the receiver is not running", command: ["sysctl", "-q", "-w", `net.core.rmem_max=${bufferOctets}`] },
  ];
}

/** To read, and to paste. */
export function sayStep({ why, command, input }: Step): string {
  const words = command.map((word) => (/^[\w./:=-]+$/.test(word) ? word : `'${word}'`)).join(" ");
  return `# ${why}\n${words}${input === undefined ? "" : ` <<'END'\n${input}END`}\n`;
}
