/** A sound site of two assets on one device and one of its own, with every key there is now. */
export const SITE_YAML = `site: boiler-house
listeners:
  - { asset: boiler-1, interface: scada0, port: 8021, tls: mutual }
  - { asset: boiler-1, interface: scada0, port: 5021, tls: none, from: [10.10.5.0/24, "fd00:5::/64"] }
  - asset: burner-1
    interface: scada0
    port: 0
    tls: mutual
    from: 10.10.6.0/24
    name: burner
tls:
  certificate: pki/gateway.pem
  key: pki/gateway.key
  ca:
    - name: plant
      file: /etc/penstock/ca.pem
      may_identify: ["spiffe://plant.example/operator/*", "spiffe://plant.example/scada/main", "cn:*", "cn:Pump HMI 3"]
      may_assert_roles: true
    - { name: vendor, file: pki/vendor.pem, may_identify: ["cn:vendor"] }
  crl: [pki/ca.crl, pki/vendor.crl]
assets:
  boiler-1:
    protocol: modbus-tcp
    address: 10.20.0.11:502
    units: [2, 1]
    unit_aliases:
      - { unit: 1, aliases: [255, 100] }
      - { unit: 2, aliases: 102 }
    unit_zero: broadcast
    addressing: one-based
    points: points/boiler-1.csv
    upstream: { connections: 1, outstanding: 4, timeout: 1500ms, connect_delay: 50ms, rate: 200/s, mode: shared }
    sessions_per_identity: 2
    mode: enforce
  burner-1:
    protocol: modbus-tcp
    address: 10.20.0.11:502
    units: 3
    unit_aliases: [30]
    addressing: zero-based
    upstream: { connections: 1, outstanding: 4, timeout: 1500ms, connect_delay: 50ms, rate: 200/s, mode: shared }
  pump-1:
    protocol: modbus-tcp
    address: "[FD00:0::12]:1502"
    units: 0
    unit_zero: device
    addressing: modicon
    points: points/pump-1.csv
    quirks: [unit-echo, coil-padding]
audit:
  directory: /var/lib/penstock/audit
  durable_before: all
  retain: 30d
  when_full: deny-all
  key: keys/audit.pem
  max_size: 500MB
management: { socket: run/penstock.sock }
limits: { idle: 20m }
`;

export const BOILER_CSV = `name,unit_id,table,address,type,unit,access,description,scale,write_max
feed_setpoint,1,holding,41,uint16,t/h,rw,Feed,0.1,40
pump_run,2,coil,1,bool,,rw,Pump,,
`;

export const PUMP_CSV = `name,unit_id,table,address,type,unit,access,description
level,0,input,30001,int16,cm,r,Level
`;
