/** The management port of a gateway: who may read its metrics, and on which addresses (DESIGN 3). */
import type { ManagementSite } from "#config/site";
import { UserProblems } from "#documents/problems";
import type { SessionEnd } from "#events";
import { metricsText } from "#management/metrics";
import { serveWeb, type WebServer } from "#management/web";
import { addressesOf } from "#transport/interfaces";
import { judgeNow, subjectOfPeer } from "./admit.ts";
import type { Gateway } from "./compose.ts";

/** Name of this port in records of the refused. */
const NAME = "management";

/** @throws UserProblems when the interface is not there or the port is taken; nothing stays bound then */
export async function openWeb(gateway: Gateway, site: NonNullable<ManagementSite["web"]>): Promise<readonly WebServer[]> {
  const { trust, road } = gateway;
  const where = `${gateway.site.file}:${site.line}:1`;
  const addresses = addressesOf(site.interface);
  if (trust === null || addresses.length === 0)
    throw new UserProblems([
      `${where}: found interface "${site.interface}", which has no address; expected an interface of this machine that is up`,
    ]);
  const servers: WebServer[] = [];
  let { port } = site;
  try {
    for (const host of addresses) {
      const server = await serveWeb({
        host,
        port,
        context: trust.context,
        maxConnections: road.limits.webConnections,
        maxHeaderOctets: road.limits.webHeaderOctets,
        patienceMs: road.limits.webPatienceMs,
        admit: (leaf, verdict) => mayRead(gateway, leaf, verdict),
        refused: (address, reason) => road.turnedAway(NAME, address, reason as SessionEnd, "", null),
        metrics: () => metricsText(gateway.status()),
      });
      servers.push(server);
      port = server.port;
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw new UserProblems([
      `${where}: the management port cannot be bound on port ${port}: ${(error as NodeJS.ErrnoException).code ?? error}`,
    ]);
  }
  return servers;
}

/** The reason when not: the same proof, and any role, as for a session. */
function mayRead(gateway: Gateway, leaf: Uint8Array, verdict: string | null): string | null {
  if (gateway.trust === null) return "handshakeFailed";
  const judged = judgeNow(gateway, gateway.trust, { chain: [leaf], verdict });
  if (!judged.ok) return judged.error.reason;
  const subject = subjectOfPeer(gateway, judged.value);
  return typeof subject === "string" ? subject : null;
}
