/** A boiler's PLC for the demo, on modbus-serial: it holds what it is told and remembers every write that reached it. */
import modbusSerial, { type ServerTCP } from "modbus-serial";

export class Boiler {
  readonly coils = new Map<number, boolean>();
  readonly registers = new Map<number, number>([
    [40, 200],
    [41, 800],
  ]);
  readonly inputs = new Map<number, number>([
    [0, 812],
    [1, 198],
  ]);
  /** Every write that reached the PLC, in order. */
  readonly writes: { readonly what: "coil" | "register"; readonly address: number; readonly value: number }[] = [];
  readonly #server: ServerTCP;

  constructor(server: ServerTCP) {
    this.#server = server;
  }

  static async start(port: number): Promise<Boiler> {
    let boiler: Boiler | null = null;
    const own = (): Boiler => boiler as Boiler;
    const server = new modbusSerial.ServerTCP(
      {
        getCoil: (address: number) => own().coils.get(address) ?? false,
        getHoldingRegister: (address: number) => own().registers.get(address) ?? 0,
        getInputRegister: (address: number) => own().inputs.get(address) ?? 0,
        setCoil: (address: number, value: boolean) => own().#setCoil(address, value),
        setRegister: (address: number, value: number) => own().#setRegister(address, value),
      },
      { host: "127.0.0.1", port, unitID: 1 },
    );
    boiler = new Boiler(server);
    await new Promise<void>((resolve, reject) => {
      server.on("initialized", () => resolve());
      server.on("serverError", (error) => reject(error ?? new Error("the simulated PLC did not start")));
    });
    return boiler;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #setCoil(address: number, value: boolean): void {
    this.coils.set(address, value);
    this.writes.push({ what: "coil", address, value: value ? 1 : 0 });
  }

  #setRegister(address: number, value: number): void {
    this.registers.set(address, value);
    this.writes.push({ what: "register", address, value });
  }
}
