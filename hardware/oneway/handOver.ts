/**
 * How the sender gets its socket. Node cannot attach a filter to one, so a few lines of Perl (part of every Debian: perl-base is essential) make
 * it, deafen it, and become the sender, which finds it as file descriptor 3:
 *
 *     socket ─▶ SO_ATTACH_FILTER: drop all ─▶ SO_LOCK_FILTER ─▶ no DF, no path MTU ─▶ bind, connect ─▶ exec
 *
 * The filter is there before the socket has an address, and whoever runs with it cannot take it away again (RULINGS 42).
 */

export interface LineAddress {
  /** Own address, numeric. */
  readonly from: string;
  /** The receiver's, of the same family. */
  readonly to: string;
  readonly port: number;
  /** Interface it is bound to; null: the route says. */
  readonly interface: string | null;
}

export const SOCKET_FD = 3;

/**
 * Numbers of Linux, the same on x64 and arm64: SO_SNDBUF 7, SO_BINDTODEVICE 25, SO_ATTACH_FILTER 26, SO_LOCK_FILTER 44; IP_MTU_DISCOVER 10 and
 * IPV6_MTU_DISCOVER 23 with 4, "the interface's": whatever ICMP says is ignored. The filter is one instruction, BPF_RET with 0 octets kept.
 */
const PERL = `use strict; use Socket; use POSIX ();
my ($from, $to, $port, $device, @command) = @ARGV;
sub give { print STDERR "penstock send: $_[0]: $!\\n"; exit 1 }
my $six = index($to, ":") >= 0;
my $family = $six ? AF_INET6 : AF_INET;
$^F = 255;
socket(my $line, $family, SOCK_DGRAM, 0) or give("socket");
my $drop = pack("SCCL", 0x06, 0, 0, 0);
setsockopt($line, SOL_SOCKET, 26, pack("Sx![P]P", 1, $drop)) or give("filter");
setsockopt($line, SOL_SOCKET, 44, pack("i", 1)) or give("lock of the filter");
setsockopt($line, SOL_SOCKET, 7, pack("i", 1048576));
setsockopt($line, $six ? 41 : 0, $six ? 23 : 10, pack("i", 4)) or give("path MTU");
if ($device ne "") { setsockopt($line, SOL_SOCKET, 25, "$device\\0") or give("interface $device") }
my ($own, $far) = map { Socket::inet_pton($family, $_) // give("address $_") } $from, $to;
my @address = map { $six ? Socket::pack_sockaddr_in6($$_[0], $$_[1]) : Socket::pack_sockaddr_in($$_[0], $$_[1]) } [0, $own], [$port, $far];
bind($line, $address[0]) or give("bind to $from");
connect($line, $address[1]) or give("connect to $to");
POSIX::dup2(fileno($line), ${SOCKET_FD}) if fileno($line) != ${SOCKET_FD};
exec @command or give("exec");
`;

/** @returns the program and its arguments that become `command` with the socket in hand */
export function handOver(
  { from, to, port, interface: device }: LineAddress,
  command: readonly string[],
): { readonly file: string; readonly args: readonly string[] } {
  return { file: "/usr/bin/perl", args: ["-e", PERL, "--", from, to, String(port), device ?? "", ...command] };
}
