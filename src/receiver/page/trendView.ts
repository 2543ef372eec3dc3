/** One point: what it is now, its last samples drawn, and the newest of them as a table. */
import { type Html, html } from "./html.ts";
import { link, type Page } from "./layout.ts";
import type { Listed } from "./pointList.ts";
import { MOST_SAMPLES, type TrendSample } from "./trends.ts";
import type { Watched } from "./watched.ts";
import { counted, QUALITY, timeWords, valueWords } from "./words.ts";

const MOST_LINES = 20;

export function trendPage(watched: Watched, listed: Listed): Page {
  const { gateway, asset, point, unit, description, type } = listed.info;
  return {
    title: point,
    at: null,
    live: link("/live", { view: "trend", gateway, asset, point }),
    draws: true,
    main: html`<p class="where"><a href="${link("/", { q: asset })}">${gateway}, ${asset}</a>${description === "" ? null : `: ${description}`} (${type})</p>
<div id="now">${nowPart(watched, listed)}</div>
<div id="trend" data-unit="${unit}" role="img" aria-label="Trend of ${point}; the table below has its newest samples"></div>
<p class="note" id="key" hidden>Steps: each value until the next. A circle: its quality is not good. A gap: no value that can be drawn. Times are UTC.</p>
<div id="samples">${samplesPart(watched, listed)}</div>`,
  };
}

export function nowPart(watched: Watched, { info }: Listed): Html {
  const sample = watched.value(info);
  if (sample === null) return html`<p class="now">No value came yet.</p>`;
  const { sign, words } = QUALITY[sample.quality];
  return html`<p class="now"><strong>${valueWords(sample.value)}</strong> ${info.unit} <span class="q ${sample.quality}">${sign} ${words}</span> <span class="at">${timeWords(sample.timeMs)} UTC, ${sample.timeOf === "device" ? "the device's time" : "the gateway's time"}</span></p>`;
}

export function samplesPart(watched: Watched, { key, info }: Listed): Html {
  const trend = watched.looking.trends.of(key);
  if (trend === null)
    return html`<p class="note">${watched.value(info) === null ? "Nothing to draw yet." : "No trend is kept of this point: there is room for those of which samples came first."}</p>`;
  const samples = trend.since(0);
  const values = samples.map(([, value]) => value).filter((value) => value !== null);
  const range = values.length === 0 ? "" : `, from ${valueWords(Math.min(...values))} to ${valueWords(Math.max(...values))}`;
  const newest = samples.slice(-MOST_LINES).reverse();
  return html`<h2>Newest samples</h2>
<p>${counted(samples.length, "sample")} kept${range}; of each point the last ${MOST_SAMPLES} since the receiver's start.</p>
<table class="samples">
<thead><tr><th scope="col">Time (UTC)</th><th scope="col" class="number">Value</th><th scope="col">Quality</th></tr></thead>
<tbody>${newest.map(row)}</tbody></table>`;
}

function row([timeMs, value, quality]: TrendSample): Html {
  const { sign, words } = QUALITY[quality];
  return html`<tr><th scope="row">${timeWords(timeMs)}</th><td class="number">${value === null ? "none that can be drawn" : valueWords(value)}</td><td class="q ${quality}">${sign} ${words}</td></tr>\n`;
}
