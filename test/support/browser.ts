/** A headless Chromium with a profile of its own, steered over its DevTools protocol with what Node has: no library, and nothing is downloaded. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--remote-debugging-port=0",
];
const PATIENCE_MS = 60_000;

type Params = Readonly<Record<string, unknown>>;

interface Answer {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: Params;
  readonly error?: { readonly message: string };
}

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #asked = new Map<number, { resolve: (result: Params) => void; reject: (error: Error) => void }>();
  readonly #tabs = new Map<string, Tab>();
  #last = 0;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)) as Answer);
    socket.onclose = () => {
      for (const { reject } of this.#asked.values()) reject(new Error("the browser is gone"));
    };
  }

  static async open(): Promise<Browser> {
    const profile = mkdtempSync(path.join(os.tmpdir(), "penstock-browser-"));
    const child = spawn("chromium", [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
    const address = await new Promise<string>((resolve, reject) => {
      let said = "";
      const deadline = setTimeout(() => reject(new Error(`no browser within ${PATIENCE_MS} ms: ${said}`)), PATIENCE_MS);
      child.once("error", reject);
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const match = /DevTools listening on (ws:\S+)/.exec(said);
        if (match === null) return;
        clearTimeout(deadline);
        resolve(match[1] as string);
      });
    });
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new Browser(child, profile, socket);
  }

  async tab(width: number, height: number): Promise<Tab> {
    const { targetId } = await this.ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.ask("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, sessionId as string);
    this.#tabs.set(sessionId as string, tab);
    for (const domain of ["Page", "Network", "Runtime", "Log"]) await tab.ask(`${domain}.enable`);
    await tab.ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    return tab;
  }

  ask(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    const id = ++this.#last;
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    this.#asked.clear();
    this.#socket.close();
    this.#child.kill("SIGKILL");
    await gone;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #hear({ id, sessionId, method, params, result, error }: Answer): void {
    if (id === undefined) {
      this.#tabs.get(sessionId ?? "")?.hear(method ?? "", params ?? {});
      return;
    }
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error === undefined) asked?.resolve(result ?? {});
    else asked?.reject(new Error(error.message));
  }
}

export class Tab {
  /** Every address that was asked for. */
  readonly requests: string[] = [];
  /** What the page complained of: exceptions, and what its content security policy stopped. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #session: string;

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  ask(method: string, params: Params = {}): Promise<Params> {
    return this.#browser.ask(method, params, this.#session);
  }

  hear(method: string, params: Params): void {
    if (method === "Network.requestWillBeSent") this.requests.push((params.request as { url: string }).url);
    const isError = method === "Log.entryAdded" && (params.entry as { level: string }).level === "error";
    if (method === "Runtime.exceptionThrown" || isError) this.complaints.push(JSON.stringify(params));
  }

  /** @returns once the document and what it names are loaded */
  async go(url: string): Promise<void> {
    await this.ask("Page.navigate", { url });
    await this.until("document.readyState === 'complete' && location.href !== 'about:blank'");
  }

  /** The value of an expression, as JSON says it. */
  async look<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.ask("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: T }).value;
  }

  async until(expression: string, ms = 20_000): Promise<void> {
    for (const end = performance.now() + ms; !(await this.look<boolean>(`Boolean(${expression})`).catch(() => false)); ) {
      if (performance.now() > end) throw new Error(`not within ${ms} ms: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async press(key: string, code: number): Promise<void> {
    for (const type of ["rawKeyDown", "keyUp"])
      await this.ask("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: code });
  }

  async picture(): Promise<Buffer> {
    return Buffer.from((await this.ask("Page.captureScreenshot", { format: "png" })).data as string, "base64");
  }
}
