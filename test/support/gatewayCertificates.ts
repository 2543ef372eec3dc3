/** A plant CA with everything a gateway test needs: the gateway's own certificate, operators, and the documents that believe them. */
import { type Authority, authority, type CertificateOptions, type Made, SERVER_AUTH } from "#test/support/certificates";
import type { HouseOptions } from "#test/support/house";
import type { OperatorTls } from "#test/support/operator";

export const TLS_POLICY = `policy: test
version: 1
roles:
  viewer:
    - { id: read, allow: read, on: "*" }
  operator:
    - include: viewer
    - { id: write, allow: write, on: plc, table: holding, addresses: 0-99 }
bindings:
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
  - { role: viewer, identity: "cn:*", kind: machine }
  - { role: operator, certificate_role: operator, kind: person }
  - { role: viewer, certificate_role: viewer, kind: person }
`;

export interface GatewayPki {
  readonly ca: Authority;
  readonly gateway: Made;
  readonly house: Pick<HouseOptions, "listeners" | "site" | "files" | "policy">;
  /** alice, an operator by her SPIFFE name. */
  readonly operator: OperatorTls;
  operatorNamed(name: string, options?: CertificateOptions): OperatorTls & { readonly made: Made };
  credentials(made: Made): OperatorTls & { readonly made: Made };
}

export async function certificates(): Promise<GatewayPki> {
  const ca = authority("Plant CA");
  const gateway = ca.issue({ name: "gateway", dns: ["localhost"], ips: ["127.0.0.1"], extendedKeyUsage: [SERVER_AUTH] });
  const credentials = (made: Made): OperatorTls & { readonly made: Made } => ({
    certificatePem: made.chainPem,
    keyPem: made.keyPem,
    caPem: ca.pem,
    made,
  });
  const operatorNamed = (name: string, options: CertificateOptions = {}): OperatorTls & { readonly made: Made } =>
    credentials(ca.issue({ uri: `spiffe://plant.example/operator/${name}`, ...options }));
  return {
    ca,
    gateway,
    house: {
      listeners: "  - { asset: plc, interface: lo, port: 0, tls: mutual }",
      site: `tls:
  certificate: gateway.pem
  key: gateway.key
  ca: [ { name: plant, file: ca.pem, may_identify: ["spiffe://plant.example/operator/*", "spiffe://plant.example/scada/*", "cn:*"], may_assert_roles: true } ]
  crl: [ca.crl]`,
      files: { "gateway.pem": gateway.chainPem, "gateway.key": gateway.keyPem, "ca.pem": ca.pem, "ca.crl": ca.list({ number: 1 }) },
      policy: TLS_POLICY,
    },
    operator: operatorNamed("alice"),
    operatorNamed,
    credentials,
  };
}
