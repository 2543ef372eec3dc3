/** `penstock pki`: the command line of the local CA. The work stands in pki/commands.ts and is loaded when asked for. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { examples } from "./help.ts";

const DIRECTORY = "pki";
const REASONS = ["unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn"];

export function addPkiCommands(program: Command, done: (code: number | undefined) => void): void {
  const pki = program
    .command("pki")
    .description("a local CA: issue, renew, revoke and list certificates")
    .addHelpText("after", examples("penstock pki init", "penstock pki issue operator alice --role operator", "penstock pki list"));
  const commands = () => import("./pki/commands.ts");

  const common = (command: Command): Command =>
    command.option("--dir <dir>", "the CA's directory", DIRECTORY).option("--json", "one JSON object on standard output");
  const signing = (command: Command): Command =>
    common(command)
      .option("--passphrase-file <file>", "its first line opens the CA key (else PENSTOCK_CA_PASSPHRASE, else asked)")
      .option("--ca-key <file>", "the CA key, where it is not where init wrote it");
  const holder = (command: Command): Command =>
    signing(command)
      .option("--role <role>", "role the certificate asserts (Modbus/TCP Security extension)")
      .option("--uri <spiffe-id>", "SPIFFE id (default: spiffe://TRUST-DOMAIN/KIND/NAME)")
      .option("--cn-only", "no SPIFFE id: the common name is the identity")
      .option("--dns <name>", "DNS name of the machine (repeatable)", collect, [])
      .option("--ip <address>", "address of the machine (repeatable)", collect, [])
      .option("--box <name>", "the machine its key lives on, for stolen-box (a gateway is its own)")
      .option("--days <n>", "how long it is good", days);

  signing(pki.command("init").description("make a CA: its certificate, its sealed key, its first revocation list"))
    .option("--name <name>", "common name of the CA", "Penstock CA")
    .option("--trust-domain <domain>", "SPIFFE trust domain of the identities it issues", "plant.internal")
    .option("--intermediate", "a root that signs one issuing CA; the root's key can then be locked away")
    .option("--ca-out <dir>", "write the CA keys to this directory instead (a stick, another disk)")
    .option("--days <n>", "how long the CA is good (default: 3652, ten years)", days)
    .addHelpText(
      "after",
      examples(
        'penstock pki init --name "Boiler House CA" --trust-domain plant.example',
        "penstock pki init --intermediate --passphrase-file /run/secrets/ca",
        "penstock pki init --ca-out /media/stick     # sign with: --ca-key, or the stick where it was",
      ),
    )
    .action(async (o) => done(await (await commands()).init(o)));

  holder(pki.command("issue").description("make a key and a certificate for each NAME"))
    .addArgument(kindArgument(pki))
    .argument("<name...>", "file name, last segment of the SPIFFE id and common name")
    .addHelpText(
      "after",
      examples(
        "penstock pki issue operator alice bob --role operator",
        "penstock pki issue gateway gate-1 --dns gate-1.plant.example --ip 10.10.5.2",
        "penstock pki issue historian hist-1 --box gate-1",
        "penstock pki issue operator main --uri spiffe://plant.example/scada/main",
      ),
    )
    .action(async (kind: string, names: string[], o) => done(await (await commands()).issue(kind, names, o)));

  holder(
    pki.command("sign").description("a certificate for a request (CSR): its holder keeps the key. Only the key is taken from the request"),
  )
    .argument("<request>", "PKCS#10 in PEM")
    .addArgument(kindArgument(pki))
    .argument("<name>", "who its holder is; the request's own names decide nothing")
    .addHelpText("after", examples("penstock pki sign carol.csr operator carol --role engineer"))
    .action(async (request: string, kind: string, name: string, o) => done(await (await commands()).sign(request, kind, name, o)));

  signing(pki.command("renew").description("a new certificate that says the same; the earlier one stays good until its end"))
    .argument("<name...>")
    .option("--same-key", "keep the key (default: a new one, where it is ours)")
    .option("--csr <file>", "a new request of the holder")
    .option("--days <n>", "how long it is good (default: 365)", days)
    .addHelpText("after", examples("penstock pki renew gateway", "penstock pki renew carol --csr carol-2027.csr"))
    .action(async (names: string[], o) => done(await (await commands()).renew(names, o)));

  signing(pki.command("revoke").description("revoke everything of each NAME (or one serial number) and write the revocation list"))
    .argument("<name-or-serial...>")
    .addOption(new Option("--reason <reason>", "why").choices(REASONS).default("unspecified"))
    .addHelpText(
      "after",
      examples("penstock pki revoke alice --reason keyCompromise", "penstock pki revoke 4f0c...e1     # a serial number from pki list"),
    )
    .action(async (which: string[], o) => done(await (await commands()).revoke(which, o)));

  signing(pki.command("stolen-box").description("a machine is gone: revoke every certificate whose key lay on it, in one step"))
    .argument("<box>")
    .addHelpText("after", examples("penstock pki stolen-box gate-1"))
    .action(async (box: string, o) => done(await (await commands()).stolenBox(box, o)));

  signing(pki.command("crl").description("write the revocation lists afresh, with the next number and a new end"))
    .option("--days <n>", "how long they are good (default: 30; a root's: 365)", days)
    .addHelpText("after", examples("penstock pki crl", "penstock pki crl --days 60 --dir /etc/penstock/pki"))
    .action(async (o) => done(await (await commands()).crl(o)));

  common(pki.command("list").description("what was issued, with days left; warns under 30"))
    .option("--all", "replaced, revoked and ended ones too")
    .addHelpText("after", examples("penstock pki list", "penstock pki list --all --json"))
    .action(async (o) => done(await (await commands()).list(o)));
}

function kindArgument(pki: Command) {
  return pki.createArgument("<kind>", "operator, gateway or historian").choices(["operator", "gateway", "historian"]);
}

function collect(text: string, earlier: string[]): string[] {
  return [...earlier, text];
}

function days(text: string): number {
  const n = Number(text);
  if (!/^\d{1,5}$/.test(text) || n < 1 || n > 36_500) throw new InvalidArgumentError("expected 1 to 36500 days.");
  return n;
}
