/** The ledger of the last hour, by minute of the sender's clock: as a chart, and as the table it is drawn from. */
import { MINUTE_MS, type Row } from "../ledger.ts";
import { CLASSES, type RecordClass } from "../minutes.ts";
import { type Html, html } from "./html.ts";
import { link, type Page } from "./layout.ts";
import type { Watched } from "./watched.ts";
import { counted, minuteWords, timeWords } from "./words.ts";

const MINUTES = 60;
/** A sender's clock may be ahead by so many minutes and still be in the picture. */
const AHEAD = 2;
const SLOT = 12;
const HEIGHT = 160;

export interface LedgerAsked {
  readonly stream: number;
  readonly of: RecordClass;
}

/** @returns what was asked for, or the nearest that there is */
export function ledgerAsked(watched: Watched, query: URLSearchParams): LedgerAsked {
  const stream = watched.streams.find((each) => String(each) === query.get("stream")) ?? (watched.streams[0] as number);
  return { stream, of: CLASSES.find((each) => each === query.get("class")) ?? "samples" };
}

export function ledgerPage(watched: Watched, asked: LedgerAsked): Page {
  const option = (value: string | number, words: string, isChosen: boolean): Html =>
    html`<option value="${value}"${isChosen ? html` selected` : null}>${words}</option>`;
  return {
    title: "Ledger",
    at: "ledger",
    live: link("/live", { view: "ledger", stream: asked.stream, class: asked.of }),
    main: html`<form class="bar" action="/ledger" method="get">
<label for="stream">Line</label><select id="stream" name="stream">${watched.lines().map(({ stream, gateway }) => option(stream, gateway === "" ? `stream ${stream}` : `${gateway} (stream ${stream})`, stream === asked.stream))}</select>
<label for="class">Records</label><select id="class" name="class">${CLASSES.map((each) => option(each, each, each === asked.of))}</select><button>Show</button>
</form>
<div id="ledger">${ledgerPart(watched, asked)}</div>`,
  };
}

export function ledgerPart(watched: Watched, { stream, of }: LedgerAsked): Html {
  const now = Math.floor(watched.now() / MINUTE_MS) * MINUTE_MS;
  const from = now - (MINUTES - 1) * MINUTE_MS;
  const rows = watched
    .rows(stream, from)
    .filter((row) => row.class === of && row.span === "minute" && row.fromMs <= now + AHEAD * MINUTE_MS);
  if (rows.length === 0)
    return html`<p>Nothing is known of the last hour: no record and no count of the sender came. Older minutes: <code>penstock receive ledger</code>.</p>`;
  return html`${chart(rows, from)}${table(rows)}
<p class="note">Minutes of the sender's clock, UTC. In a closed minute sent = received + repaired + late + lost; what is lost in an open one is not known yet. Older minutes: <code>penstock receive ledger</code>.</p>`;
}

/** From the ground up; each has its own pattern besides its colour. */
const STACK = ["received", "repaired", "late", "lost"] as const;

function chart(rows: readonly Row[], from: number): Html {
  const most = Math.max(1, ...rows.map((row) => Math.max(row.sent ?? 0, row.received + row.repaired + row.late + (row.lost ?? 0))));
  const slots = MINUTES + AHEAD;
  const sum = (of: (row: Row) => number | null): number => rows.reduce((all, row) => all + (of(row) ?? 0), 0);
  const totals = STACK.map((name) => `${sum((row) => row[name])} ${name}`).join(", ");
  const closed = rows.filter(({ state }) => state === "closed").length;
  return html`<p class="sums"><strong>Last hour:</strong> ${sum((row) => row.sent)} sent, ${totals}. ${counted(closed, "minute")} closed, ${rows.length - closed} open.</p>
<figure class="chart">
<figcaption><span class="key received">received</span><span class="key repaired">repaired</span><span class="key late">late</span><span class="key lost">lost</span><span class="key sent">sent, as told</span><span class="most">full height: ${counted(most, "record")} a minute</span></figcaption>
<svg viewBox="0 0 ${slots * SLOT} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="By minute: ${totals}. The table has each minute.">
<defs>
<pattern id="repaired" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="fill repaired" width="6" height="6"/><rect class="line" width="6" height="2"/></pattern>
<pattern id="late" width="4" height="6" patternUnits="userSpaceOnUse"><rect class="fill late" width="4" height="6"/><rect class="line" width="1" height="6"/></pattern>
<pattern id="lost" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="fill lost" width="6" height="6"/><path class="stroke" d="M0 6 6 0"/></pattern>
</defs>
${rows.map((row) => bar(row, (row.fromMs - from) / MINUTE_MS, most))}</svg>
<p class="axis" aria-hidden="true"><span>${minuteWords(from)}</span><span>${minuteWords(from + 20 * MINUTE_MS)}</span><span>${minuteWords(from + 40 * MINUTE_MS)}</span><span>${minuteWords(from + 60 * MINUTE_MS)}</span></p>
</figure>
`;
}

function bar(row: Row, slot: number, most: number): Html {
  const x = slot * SLOT + 1;
  const heightOf = (count: number): number => Math.round((count / most) * (HEIGHT - 4) * 10) / 10;
  let top = HEIGHT;
  const parts = STACK.map((name) => {
    const count = row[name] ?? 0;
    if (count === 0) return null;
    // One that is lost among thousands is seen all the same.
    const height = Math.max(heightOf(count), name === "lost" ? 6 : 0.5);
    top = Math.max(0, top - height);
    return html`<rect class="${name}" x="${x}" y="${top}" width="${SLOT - 2}" height="${height}"/>`;
  });
  const told =
    row.sent === null ? null : html`<rect class="sent" x="${x - 1}" y="${HEIGHT - heightOf(row.sent) - 1}" width="${SLOT}" height="2"/>`;
  return html`<g${row.state === "open" ? html` class="open"` : null}>${parts}${told}</g>\n`;
}

function table(rows: readonly Row[]): Html {
  const cell = (count: number | null): Html => html`<td class="number">${count ?? "–"}</td>`;
  return html`<table class="ledger">
<thead><tr><th scope="col">Minute</th><th scope="col">State</th><th scope="col" class="number">Sent</th><th scope="col" class="number">Received</th><th scope="col" class="number">Repaired</th><th scope="col" class="number">Late</th><th scope="col" class="number">Lost</th></tr></thead>
<tbody>${[...rows]
    .reverse()
    .map(
      (row) =>
        html`<tr><th scope="row" title="${timeWords(row.fromMs)} UTC">${minuteWords(row.fromMs)}</th><td>${row.state}</td>${cell(row.sent)}${cell(row.received)}${cell(row.repaired)}${cell(row.late)}<td class="number${(row.lost ?? 0) > 0 ? " silent" : ""}">${row.lost === null ? "–" : row.lost > 0 ? `▲ ${row.lost}` : 0}</td></tr>\n`,
    )}</tbody></table>`;
}
