/** From a proven claim to roles. */
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sayProblem } from "#documents/problems";
import { bind, type Claim, matchesIdentity } from "#policy/bindings";
import { loadPolicy } from "#policy/load";
import type { Policy } from "#policy/model";
import { ASSETS, VOCABULARIES } from "./plant.ts";

const TEXT = `policy: p
version: 1
roles:
  viewer: [{ id: r, allow: read, on: tank }]
  operator: [{ include: viewer }, { id: w, allow: write, on: tank, points: inflow }]
  engineer: [{ include: operator }]
  panel: [{ id: w, allow: write, on: tank, points: pump }]
bindings:
  - { role: viewer, identity: "spiffe://plant.example/scada/*", kind: machine }
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
  - { role: viewer, identity: "spiffe://plant.example/operator/alice", kind: machine }
  - { role: operator, identity: "cn:bob@plant", kind: person }
  - { role: viewer, identity: "cn:*@lab", kind: machine }
  - { role: viewer, identity: "cn:carla", kind: person }
  - { role: engineer, certificate_role: engineer, kind: person }
  - { role: viewer, certificate_role: engineer, kind: person }
  - { role: viewer, source: 10.10.5.0/24 }
  - { role: panel, source: 10.10.5.128/25, accept_unauthenticated: true }
  - { role: operator, source: 10.10.5.192/26 }
  - { role: viewer, source: "fd00:5::/64" }
`;

function policyOf(text: string): Policy {
  const loaded = loadPolicy({ file: "p.yaml", text }, ASSETS, VOCABULARIES);
  if (!loaded.ok) throw new Error(loaded.error.map(sayProblem).join("\n"));
  return loaded.value;
}

const policy = policyOf(TEXT);
const claim = (parts: Partial<Claim>): Claim => ({ identity: null, certificateRole: null, source: null, ...parts });
const who = (identity: string) => bind(policy, claim({ identity }));
const from = (...source: readonly number[]) => bind(policy, claim({ source: Uint8Array.from(source) }));

const bindings = suite("policy/documents/bindings");

bindings("one whole last segment, no more and no less", () => {
  assert.equal(who("spiffe:spiffe://plant.example/scada/main"), { roles: ["viewer"], kind: "machine", mayWriteUnauthenticated: false });
  assert.is(who("spiffe:spiffe://plant.example/scada"), "noRole");
  assert.is(who("spiffe:spiffe://plant.example/scada/"), "noRole");
  assert.is(who("spiffe:spiffe://plant.example/scada/main/a"), "noRole");
  assert.is(who("spiffe:spiffe://plant.example.evil/scada/main"), "noRole");
  assert.is(who("spiffe:spiffe://other/scada/main"), "noRole");
});

bindings("RULINGS 4: otherwise the union of matching bindings; of two kinds the stricter", () => {
  assert.equal(who("spiffe:spiffe://plant.example/operator/alice"), {
    roles: ["operator", "viewer"],
    kind: "person",
    mayWriteUnauthenticated: false,
  });
});

bindings("RULINGS 4: a certificate role, where present, is the only role", () => {
  const bound = bind(policy, claim({ identity: "spiffe:spiffe://plant.example/operator/alice", certificateRole: "engineer" }));
  assert.equal(bound, { roles: ["engineer", "viewer"], kind: "person", mayWriteUnauthenticated: false });
  const unknown = bind(policy, claim({ identity: "spiffe:spiffe://plant.example/operator/alice", certificateRole: "operator" }));
  assert.is(unknown, "unknownRole", "a policy role that no certificate_role binding names is none");
});

bindings("RULINGS 17: a common name counts under its authority", () => {
  assert.equal(who("cn:bob@plant"), { roles: ["operator"], kind: "person", mayWriteUnauthenticated: false });
  assert.is(who("cn:bob@other"), "noRole");
  assert.equal(typeof who("cn:anybody@lab"), "object");
  assert.equal(typeof who("cn:carla@plant"), "object");
  assert.equal(typeof who("cn:carla@other"), "object");
  assert.is(who("cn:Carla@plant"), "noRole");
});

bindings("a type is part of an identity", () => {
  assert.is(who("cn:spiffe://plant.example/scada/main@plant"), "noRole");
  assert.is(who("spiffe:cn:bob@plant"), "noRole");
  assert.is(who("spiffe://plant.example/scada/main"), "noRole");
  assert.is(who("source:10.10.5.7"), "noRole");
});

bindings("a source counts only where nothing was proven", () => {
  assert.equal(from(10, 10, 5, 7), { roles: ["viewer"], kind: "machine", mayWriteUnauthenticated: false });
  assert.is(from(10, 10, 6, 7), "noRole");
  const both = bind(policy, claim({ identity: "cn:nobody@plant", source: Uint8Array.of(10, 10, 5, 7) }));
  assert.is(both, "noRole");
});

bindings("RULINGS 14: accepted writes are those of the accepting binding's role alone", () => {
  assert.equal(from(10, 10, 5, 130), { roles: ["panel", "viewer"], kind: "machine", mayWriteUnauthenticated: true });
  // Here a third binding adds a role that writes, which nobody accepted from an address.
  assert.equal(from(10, 10, 5, 200), { roles: ["operator", "panel", "viewer"], kind: "machine", mayWriteUnauthenticated: false });
});

bindings("an IPv4 address in an IPv6 socket is the IPv4 address", () => {
  const mapped = (...four: readonly number[]) => from(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...four);
  assert.equal(typeof mapped(10, 10, 5, 7), "object");
  assert.is(mapped(10, 10, 6, 7), "noRole");
  assert.equal(typeof from(0xfd, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), "object");
  assert.is(from(0xfd, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), "noRole");
});

bindings("nothing claimed is nobody", () => {
  assert.is(bind(policy, claim({})), "noRole");
  assert.is(from(), "noRole");
});

bindings("a pattern without a wildcard matches exactly itself", () => {
  const segment = fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/);
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.array(segment, { minLength: 1, maxLength: 4 }), (a, b) => {
      const pattern = `spiffe://plant/${a.join("/")}`;
      assert.is(matchesIdentity(pattern, `spiffe:spiffe://plant/${b.join("/")}`), a.join("/") === b.join("/"));
      const wild = `spiffe://plant/${a
        .slice(0, -1)
        .map((s) => `${s}/`)
        .join("")}*`;
      const same = a.length === b.length && a.slice(0, -1).every((s, i) => s === b[i]);
      assert.is(matchesIdentity(wild, `spiffe:spiffe://plant/${b.join("/")}`), same);
    }),
  );
});

bindings("RULINGS 18: an ended certificate gets what the machine bindings that say so give, for so long, and a person gets nothing", () => {
  const hour = 3_600_000;
  const lasting = policyOf(
    TEXT.replace('scada/*", kind: machine }', 'scada/*", kind: machine, expired: read-only 72h }')
      .replace(
        'cn:*@lab", kind: machine }',
        'cn:*@lab", kind: machine }\n  - { role: operator, identity: "cn:*", kind: machine, expired: read-only 24h }',
      )
      .replace('alice", kind: machine }', 'alice", kind: machine, expired: read-only 24h }'),
  );
  const ended = (identity: string, endedMs: number) => bind(lasting, claim({ identity, endedMs }));
  const machine = { kind: "machine", mayWriteUnauthenticated: false };
  assert.equal(ended("spiffe:spiffe://plant.example/scada/main", 72 * hour - 1), { roles: ["viewer"], ...machine, lastsMs: 72 * hour });
  assert.is(ended("spiffe:spiffe://plant.example/scada/main", 72 * hour), "noRole");
  assert.equal(ended("cn:robot@lab", 1), { roles: ["operator"], ...machine, lastsMs: 24 * hour }, "the other binding does not say so");
  assert.is(ended("spiffe:spiffe://plant.example/operator/alice", 1), "noRole", "one of her bindings is for a person");
  assert.equal(bind(lasting, claim({ identity: "spiffe:spiffe://plant.example/scada/main" })), { roles: ["viewer"], ...machine });
});

bindings.run();
