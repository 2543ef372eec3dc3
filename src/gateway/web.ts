/** The management port of a gateway: on which addresses, with which caps (DESIGN 3). Who may do what there is managers.ts's to say. */
import type { ManagementSite } from "#config/site";
import { UserProblems } from "#documents/problems";
import { metricsText } from "#management/metrics";
import { serveWeb, type WebServer } from "#management/web";
import { addressesOf } from "#transport/interfaces";
import type { Gateway } from "./compose.ts";
import { PORT_NAME } from "./managers.ts";

/** @throws UserProblems when the interface is not there or the port is taken; nothing stays bound then */
export async function openWeb(gateway: Gateway, site: NonNullable<ManagementSite["web"]>): Promise<readonly WebServer[]> {
  const { trust, road, managers } = gateway;
  const { limits } = road;
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
        handshakeMs: limits.webPatienceMs,
        halfOpen: limits.webHalfOpen,
        halfOpenPerSource: limits.webHalfOpenPerSource,
        isKnown: (source) => road.isKnown(source),
        share: road.handshakes,
        maxConnections: limits.webConnections,
        maxHeaderOctets: limits.webHeaderOctets,
        patienceMs: limits.webPatienceMs,
        admit: (address, hello) => managers.admit(address, hello),
        mayStay: (manager) => managers.mayStay(manager),
        left: (manager) => managers.left(manager),
        refused: (address, reason, words) => road.turnedAway(PORT_NAME, address, reason, words, null),
        metrics: () => metricsText(gateway.status()),
        answer: (ask, manager) => managers.ask(ask, manager),
      });
      servers.push(server);
      port = server.port;
    }
  } catch (error) {
    for (const server of servers) server.close();
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "another program listens there" : (code ?? String(error));
    throw new UserProblems([`${where}: the management port cannot be bound on port ${port}: ${why}`]);
  }
  return servers;
}
