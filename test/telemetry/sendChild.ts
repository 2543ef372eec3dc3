/** The sender's process with nothing but its line: started in the place of `penstock send` by tests that need it in a namespace of its own. */
import { SocketLine } from "#hardware/oneway/device";
import { SOCKET_FD } from "#hardware/oneway/handOver";
import { SendProcess, type SendSettings } from "#telemetry/process";

const sending = new SendProcess(JSON.parse(process.argv[2] as string) as SendSettings, new SocketLine(SOCKET_FD), null, Date.now());
process.stdin.on("data", (octets) => sending.feed(octets));
process.stdin.on("end", () => void sending.close());
sending.start((status) => console.log(JSON.stringify(status)));
