/** `penstock connect`: the command line of the tunnel. The work stands in connect/run.ts and is loaded when asked for. */
import type { Command } from "commander";
import { examples } from "./help.ts";

export function addConnectCommand(program: Command, done: (code: number | undefined) => void): void {
  program
    .command("connect")
    .argument("<gateway:port>", "a mutual-TLS listener of the gateway")
    .description("a local plain port and behind it mutual TLS to the gateway, for HMIs that speak no TLS")
    .requiredOption("--certificate <file>", "the operator's certificate (PEM)")
    .requiredOption("--key <file>", "its private key (PEM, mode 0600)")
    .requiredOption("--ca <file>", "the authority of the gateway's certificate (PEM)")
    .option("--listen <ip:port>", "where the HMI connects; port 0: any free one", "127.0.0.1:1502")
    .option("--gateway-name <name>", "name or address in the gateway's certificate (default: the one connected to)")
    .option("--any-local-user", "serve every user who reaches the port, not only the one who started this")
    .option("--bind-beyond-loopback", "allow --listen on an address that other computers reach")
    .option("--json", "one JSON object a line on standard output")
    .addHelpText(
      "after",
      examples(
        "penstock connect 10.10.5.1:8021 --certificate alice.pem --key alice.key --ca ca.pem",
        "penstock connect gw.plant:8021 --certificate hmi.pem --key hmi.key --ca ca.pem --listen 127.0.0.1:502 --any-local-user",
      ),
    )
    .action(async (gateway: string, options) => done(await (await import("./connect/run.ts")).connect(gateway, options)));
}
