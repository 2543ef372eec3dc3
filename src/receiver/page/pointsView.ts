/** The points: by gateway and asset, each with its value, unit, quality and age. */
import type { Sample } from "../model.ts";
import { type Html, html, type Part } from "./html.ts";
import { link, type Page } from "./layout.ts";
import { type Listed, MOST_SEARCH, type Selection } from "./pointList.ts";
import type { Watched } from "./watched.ts";
import { ageWords, counted, QUALITY, timeWords, valueWords } from "./words.ts";

/** What a row shows, as it is told live: number of the point, value, quality, words for it, time. */
export type LiveRow = readonly [number: number, value: string, quality: string, words: string, timeMs: number];

export function liveRow({ number }: Listed, { value, quality, timeMs }: Sample): LiveRow {
  const { sign, words } = QUALITY[quality];
  return [number, valueWords(value), quality, `${sign} ${words}`, timeMs];
}

export function pointsPage(watched: Watched, search: string, page: number): Page {
  const { points } = watched.looking;
  const selection = points.select(search, page);
  const asked = { ...(search === "" ? {} : { q: search }), ...(selection.page === 1 ? {} : { page: selection.page }) };
  return {
    title: "Points",
    at: "points",
    live: link("/live", { view: "points", ...asked }),
    main: html`<form class="bar" role="search" action="/" method="get">
<label for="q">Search</label><input id="q" name="q" type="search" value="${search}" maxlength="${MOST_SEARCH}" placeholder="asset, point, description" autocomplete="off"><button>Search</button>
<p>${found(selection, search, points.size)}${points.turnedAway > 0 ? html` ${counted(points.turnedAway, "point")} more: there is no place for them here.` : null}</p>
</form>
${gateways(selection.rows).map((rows) => gateway(watched, rows))}
${selection.pages > 1 ? pager(selection, search) : null}`,
  };
}

function found({ total, page, pages }: Selection, search: string, all: number): string {
  if (all === 0) return "No points yet: the sender names them within a minute of its start.";
  const part = pages > 1 ? `, page ${page} of ${pages}` : "";
  if (search === "") return `${counted(total, "point")}${part}.`;
  return `${total === 0 ? "No" : total} of ${counted(all, "point")} found${part}.`;
}

function pager({ page, pages }: Selection, search: string): Html {
  const to = (at: number, words: string): Html =>
    html`<a href="${link("/", { ...(search === "" ? {} : { q: search }), page: at })}">${words}</a>`;
  return html`<nav class="pager" aria-label="More points">${page > 1 ? to(page - 1, "Previous page") : null}${page < pages ? to(page + 1, "Next page") : null}</nav>`;
}

/** They come sorted. */
function runs(rows: readonly Listed[], isSame: (a: Listed, b: Listed) => boolean): Listed[][] {
  const parts: Listed[][] = [];
  for (const row of rows) {
    const last = parts.at(-1);
    if (last !== undefined && isSame(last[0] as Listed, row)) last.push(row);
    else parts.push([row]);
  }
  return parts;
}

function gateways(rows: readonly Listed[]): Listed[][] {
  return runs(rows, (a, b) => a.info.gateway === b.info.gateway);
}

function gateway(watched: Watched, rows: readonly Listed[]): Html {
  const [{ stream, info }] = rows as [Listed];
  const isSilent = watched.line(stream).silentSince !== null;
  const parts: Part[] = runs(rows, (a, b) => a.info.asset === b.info.asset).map(
    (these) => html`<tbody>
<tr class="asset"><th colspan="5" scope="rowgroup">${(these[0] as Listed).info.asset}</th></tr>
${these.map((row) => line(watched, row))}</tbody>
`,
  );
  return html`<section${isSilent ? html` class="away"` : null} data-stream="${stream}">
<h2>${info.gateway}<span class="awayWords"> – line silent: values are the last that came</span></h2>
<table class="points">
<thead><tr><th scope="col">Point</th><th scope="col" class="number">Value</th><th scope="col">Unit</th><th scope="col">Quality</th><th scope="col" class="number">Age</th></tr></thead>
${parts}</table>
</section>`;
}

function line(watched: Watched, row: Listed): Html {
  const { gateway, asset, point, unit, description } = row.info;
  const name = html`<th scope="row"><a href="${link("/trend", { gateway, asset, point })}">${point}</a>${description === "" ? null : html` <small>${description}</small>`}</th>`;
  const sample = watched.value(row.info);
  if (sample === null)
    return html`<tr data-n="${row.number}">${name}<td class="number"></td><td>${unit}</td><td class="q">none came yet</td><td class="number"></td></tr>\n`;
  const [, value, quality, words, timeMs] = liveRow(row, sample);
  return html`<tr data-n="${row.number}" data-t="${timeMs}">${name}<td class="number">${value}</td><td>${unit}</td><td class="q ${quality}">${words}</td><td class="number" title="${timeWords(timeMs)} UTC">${ageWords(watched.now() - timeMs)}</td></tr>\n`;
}
