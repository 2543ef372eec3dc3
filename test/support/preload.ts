/** Loaded before every test file by the runner: `uvu` means ours, and the runner may ask what keeps the process alive. */
import { registerHooks } from "node:module";

const ours = new URL("./uvu.ts", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "uvu" && context.parentURL !== ours) return { url: ours, shortCircuit: true };
    return next(specifier, context);
  },
});

if (process.send !== undefined) {
  process.on("message", () => process.send?.({ is: "open", resources: process.getActiveResourcesInfo() }));
  process.channel?.unref();
}
