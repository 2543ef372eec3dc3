/** The same as `assets.ts`, taken into the file that ships (condition `bundled` in package.json). */
import UPLOT_JS from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import UPLOT_CSS from "uplot/dist/uPlot.min.css" with { type: "text" };
import CLIENT_JS from "./client.js" with { type: "text" };
import PAGE_CSS from "./page.css" with { type: "text" };

export { CLIENT_JS, PAGE_CSS, UPLOT_CSS, UPLOT_JS };
