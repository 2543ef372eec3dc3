/** What a browser loads besides documents, as it lies on the disk. In the one file that ships `assetsBundled.ts` stands here instead. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { resolve } = createRequire(import.meta.url);
const beside = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");
const library = (file: string): string => readFileSync(resolve(`uplot/dist/${file}`), "utf8");

export const CLIENT_JS: string = beside("client.js");
export const PAGE_CSS: string = beside("page.css");
export const UPLOT_JS: string = library("uPlot.iife.min.js");
export const UPLOT_CSS: string = library("uPlot.min.css");
