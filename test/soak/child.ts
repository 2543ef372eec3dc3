/** A process of the soak beside this one, and what is said to it and by it. */
import { type ChildProcess, fork } from "node:child_process";
import path from "node:path";

export class Child<To extends object, From extends { readonly is: string }> {
  readonly #process: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(file: string, heard: (message: From) => void) {
    this.#process = fork(path.join(import.meta.dirname, file), [], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#process.on("message", (message) => heard(message as From));
    this.ended = new Promise((resolve) => this.#process.once("close", (code) => resolve(code)));
  }

  tell(message: To): void {
    if (this.#process.connected) this.#process.send(message);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}
