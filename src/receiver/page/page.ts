/** The page's front door: loaded only where it is asked for. */
export { type PageServer, servePage } from "./server.ts";
export { Looking, Watched } from "./watched.ts";
