/** Sinks as receive.yaml names them. */
import path from "node:path";
import type { ReceiveDocument, ReceiveSite } from "#config/receive";
import type { Log } from "#log";
import type { WhenFull } from "#receiver/deliveryQueue";
import { httpClient } from "#receiver/httpClient";
import { LineFile } from "#receiver/lineFile";
import { LineHttp, writeUrl } from "#receiver/lineHttp";
import type { Sink } from "#receiver/model";
import { MqttJsonSink } from "#receiver/mqttJson";
import type { BrokerOptions } from "#receiver/mqttSession";
import { SetAside } from "#receiver/setAside";
import type { SinkStatus } from "#receiver/sinkTally";
import { SparkplugSink } from "#receiver/sparkplug/sink";
import { Sql } from "#receiver/sql";
import type { TlsFiles } from "#receiver/tlsFiles";

export interface OpenSink {
  readonly sink: Sink & { readonly status?: SinkStatus };
  readonly maxOctets: number | undefined;
  readonly whenFull: WhenFull;
}

type Broker = ReceiveDocument["sinks"]["mqtt"][number] | ReceiveDocument["sinks"]["sparkplug"][number];

export function sinksOf(site: ReceiveSite, log: Log): OpenSink[] {
  const { mqtt, sparkplug, line_file, line_http, postgres } = site.document.sinks;
  const at = (file: string): string => site.path(file);
  // A broker throws out whoever comes under a name that is in already: each sink of each receiver has its own.
  const clientOf = ({ name }: Broker): string => `penstock-${site.document.receiver}-${name}`;
  const asideOf = (name: string): SetAside => new SetAside(path.join(at(site.document.state), "refused", name));
  const note =
    (sink: string) =>
    (gateway: string, what: object): void =>
      log.info({ sink, gateway, ...what }, "sink");
  const open = (
    { queue, when_full: whenFull }: { readonly queue?: number | undefined; readonly when_full: WhenFull },
    sink: OpenSink["sink"],
  ): OpenSink => ({ sink, maxOctets: queue, whenFull });
  return [
    ...mqtt.map((each) =>
      open(
        each,
        new MqttJsonSink({ name: each.name, broker: brokerOf(each, at), root: each.root, clientId: clientOf(each) }, note(each.name)),
      ),
    ),
    ...sparkplug.map((each) => {
      const { name, group, primary_host: primaryHost = null } = each;
      return open(each, new SparkplugSink({ name, broker: brokerOf(each, at), group, primaryHost, clientId: clientOf(each) }, note(name)));
    }),
    ...line_file.map((each) => {
      const { name, file, measurement, size } = each;
      return open(each, new LineFile({ name, file: at(file), aside: asideOf(name), ...given({ measurement, maxOctets: size }) }));
    }),
    ...line_http.map((each) => {
      const { name, url, org = "", bucket = "", db, token_file: tokenFile, tls, measurement } = each;
      const target = writeUrl(url, db === undefined ? { is: "v2", org, bucket } : { is: "v1", db });
      return open(
        each,
        new LineHttp({
          name,
          url: target,
          client: httpClient(),
          aside: asideOf(name),
          tokenFile: tokenFile === undefined ? null : at(tokenFile),
          ...given({ measurement, tls: tls && tlsFilesOf(tls, at) }),
        }),
      );
    }),
    ...postgres.map((each) => {
      const { name, host, port, database, user, password_file: passwordFile, tls, create_table: createTable } = each;
      return open(
        each,
        new Sql({
          name,
          host,
          port,
          database,
          user,
          passwordFile: passwordFile === undefined ? null : at(passwordFile),
          tls: tls === undefined ? null : { ...tlsFilesOf(tls, at), ...given({ serverName: tls.server_name }) },
          createTable,
          aside: asideOf(name),
        }),
      );
    }),
  ];
}

function brokerOf({ servers, version, user, password_file: password, tls }: Broker, at: (file: string) => string): BrokerOptions {
  return {
    servers,
    version,
    ...given({ user, passwordFile: password && at(password) }),
    ...(tls === undefined ? {} : { tls: { ...tlsFilesOf(tls, at), caFile: at(tls.ca) } }),
  };
}

interface TlsNames {
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

function tlsFilesOf({ ca, certificate, key }: TlsNames, at: (file: string) => string): TlsFiles {
  return given({ caFile: ca && at(ca), certificateFile: certificate && at(certificate), keyFile: key && at(key) });
}

/** Without what was not stated. */
function given<T extends object>(of: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined && value !== "")) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
