/** An operator's screen: a plain Modbus client (modbus-serial) before its own `penstock connect` tunnel, as in a control room. */
import modbusSerial from "modbus-serial";
import { openTunnel, type Tunnel } from "#tunnel/connect";

export interface HmiOptions {
  readonly name: string;
  readonly gatewayPort: number;
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

type Client = InstanceType<(typeof modbusSerial)["default"]>;

export class Hmi {
  readonly name: string;
  readonly #tunnel: Tunnel;
  readonly #client: Client;
  /** When the gateway ended the connection; resolves with monotonic milliseconds. */
  readonly cut: Promise<number>;

  constructor(name: string, tunnel: Tunnel, client: Client) {
    this.name = name;
    this.#tunnel = tunnel;
    this.#client = client;
    this.cut = new Promise((resolve) => client.on("close", () => resolve(performance.now())));
  }

  static async open(options: HmiOptions): Promise<Hmi> {
    const { certificate, key, ca } = options;
    const tunnel = await openTunnel(
      {
        gatewayHost: "127.0.0.1",
        gatewayPort: options.gatewayPort,
        gatewayName: "127.0.0.1",
        papers: { certificate, key, ca },
        listenHost: "127.0.0.1",
        listenPort: 0,
        anyLocalUser: false,
        uid: process.getuid?.() ?? 0,
      },
      () => {},
    );
    const client = new modbusSerial.default();
    client.on("error", () => {});
    await client.connectTCP("127.0.0.1", { port: tunnel.port });
    client.setID(1);
    client.setTimeout(5_000);
    return new Hmi(options.name, tunnel, client);
  }

  async read(table: "input" | "holding", address: number): Promise<number> {
    const { data } =
      table === "input" ? await this.#client.readInputRegisters(address, 1) : await this.#client.readHoldingRegisters(address, 1);
    return data[0] ?? Number.NaN;
  }

  /** 0: done; else the exception code the gateway or the PLC answered with. */
  write(address: number, value: number): Promise<number> {
    return answerOf(this.#client.writeRegister(address, value));
  }

  switch(address: number, on: boolean): Promise<number> {
    return answerOf(this.#client.writeCoil(address, on));
  }

  async close(): Promise<void> {
    // A client whose connection was cut does not answer `close` any more.
    if (this.#client.isOpen) await new Promise<void>((resolve) => this.#client.close(() => resolve()));
    await this.#tunnel.close();
  }
}

/** Anything but a Modbus answer is passed on: a lost connection is no denial. */
async function answerOf(asked: Promise<unknown>): Promise<number> {
  try {
    await asked;
    return 0;
  } catch (error) {
    const code = (error as { modbusCode?: unknown }).modbusCode;
    if (typeof code === "number") return code;
    throw error;
  }
}
