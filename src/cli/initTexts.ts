/** The documents `init` writes and `demo` plays with: small enough to read in a minute, and complete. */

export const TRUST_DOMAIN = "plant.example";

/** @param device `address:port` of the PLC */
export function siteText(name: string, device: string): string {
  return `# What stands where: the plant engineer's document.
site: ${name}
listeners:
  - { asset: plc-1, interface: lo, port: 8021, tls: mutual }      # Modbus/TCP Security; use the interface your operators reach
tls:
  certificate: pki/gateway.pem
  key: pki/gateway.key
  ca: [ { name: plant, file: pki/ca.pem, may_identify: ["spiffe://${TRUST_DOMAIN}/operator/*"], may_assert_roles: true } ]
  crl: [pki/ca.crl]
assets:
  plc-1:
    protocol: modbus-tcp
    address: "${device}"
    units: [1]
    addressing: zero-based                                        # or one-based, or modicon (40001); used in points, policy and cases
    points: points/plc-1.csv
    upstream: { connections: 1, outstanding: 1, timeout: 1s }
audit: { directory: audit, durable_before: writes, retain: 90d, when_full: deny-writes }
management: { socket: penstock.sock }
`;
}

export const pointsText = `name,unit_id,table,address,type,unit,access,description,scale,write_min,write_max
drum_pressure,1,input,0,uint16,bar,r,Steam drum pressure,0.01,,
feed_flow,1,input,1,uint16,t/h,r,Feed water flow,0.1,,
feed_setpoint,1,holding,40,uint16,t/h,rw,Feed water set-point,0.1,0,60
pressure_setpoint,1,holding,41,uint16,bar,rw,Steam pressure set-point,0.01,0,12
burner_enable,1,coil,8,bool,,rw,Burner release,,,
feed_pump,1,coil,9,bool,,rw,Feed water pump,,,
`;

export function policyText(name: string): string {
  return `# Who may do what: the OT security engineer's document. Whatever no rule allows is denied.
policy: ${name}
version: 1
never:
  - { id: no-restart, deny: control, on: "*" }                    # restarts, listen-only mode: nobody, through this gate
roles:
  viewer:
    - { id: read-all, allow: read, on: "*" }
  operator:
    - include: viewer
    - id: feed-setpoint
      allow: write
      on: plc-1
      points: [feed_setpoint]
      values: { min: 0, max: 40, max_step: 5, max_changes: 3/min }
    - { id: feed-pump, allow: write, on: plc-1, points: [feed_pump], values: { set: [0, 1], max_changes: 6/min } }
    - { id: burner-off, allow: write, on: plc-1, points: [burner_enable], values: { set: [0] }, essential: true }   # a shutdown waits for nothing
  engineer:
    - include: operator
    - { id: pressure, allow: write, on: plc-1, points: [pressure_setpoint], values: { min: 4, max: 10 } }
    - { id: burner, allow: write, on: plc-1, points: [burner_enable], values: { set: [0, 1] }, hours: "Mon-Fri 07:00-17:00 Europe/Berlin" }
    - { id: identify, allow: identify, on: plc-1 }
bindings:
  - { role: viewer, certificate_role: viewer, kind: person }
  - { role: operator, certificate_role: operator, kind: person }
  - { role: engineer, certificate_role: engineer, kind: person }
on_deny: { answer: exception }
`;
}

/** Unit tests of the policy: what it must allow and what it must not. */
export const casesText = `# Questions with expected answers; \`penstock policy test\` asks them all.
- { as: viewer, request: read feed_setpoint, expect: allow, rule: viewer/read-all }
- { as: viewer, request: write feed_setpoint = 20, expect: deny, code: nothingAllows }
- { as: viewer, request: write burner_enable = 1, expect: deny, code: nothingAllows }
- { as: operator, request: write feed_setpoint = 24, seen: { feed_setpoint: 20 }, expect: allow, rule: operator/feed-setpoint }
- { as: operator, request: write feed_setpoint = 41, seen: { feed_setpoint: 40 }, expect: deny, code: aboveMaximum, rule: operator/feed-setpoint }
- { as: operator, request: write feed_setpoint = 30, seen: { feed_setpoint: 20 }, expect: deny, code: stepTooLarge, rule: operator/feed-setpoint }
- { as: operator, request: write feed_pump = 1, expect: allow, rule: operator/feed-pump }
- { as: operator, request: write burner_enable = 0, expect: allow, rule: operator/burner-off }
- { as: operator, request: write burner_enable = 1, expect: deny, code: notInSet, rule: operator/burner-off }
- { as: operator, request: write pressure_setpoint = 8, expect: deny, code: nothingAllows }
- { as: engineer, request: write pressure_setpoint = 8, expect: allow, rule: engineer/pressure }
- { as: engineer, request: write pressure_setpoint = 11, expect: deny, code: aboveMaximum, rule: engineer/pressure }
- { as: engineer, request: write burner_enable = 1, at: "2026-11-24T10:00:00Z", expect: allow, rule: engineer/burner }
- { as: engineer, request: write burner_enable = 1, at: "2026-11-28T10:00:00Z", expect: deny, code: outsideHours, rule: engineer/burner }
- { as: engineer, request: identify, expect: allow, rule: engineer/identify }
- { as: engineer, request: control 8/1, expect: deny, code: never, rule: never/no-restart }
`;
