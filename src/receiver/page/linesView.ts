/** The lines: which are heard, and what was refused of what came. */
import { type Html, html } from "./html.ts";
import type { Page } from "./layout.ts";
import type { Watched } from "./watched.ts";
import { REJECTED, timeWords } from "./words.ts";

export function linesPage(watched: Watched): Page {
  return { title: "Lines", at: "lines", live: "/live?view=lines", main: html`<div id="lines">${linesPart(watched)}</div>` };
}

export function linesPart(watched: Watched): Html {
  const { receiver } = watched;
  const { reception, store } = receiver;
  const rejected = [...reception.rejected].sort(([, a], [, b]) => b - a);
  return html`<table class="lines">
<thead><tr><th scope="col" class="number">Stream</th><th scope="col">Gateway</th><th scope="col">State</th></tr></thead>
<tbody>${watched
    .lines()
    .map(
      ({ stream, gateway, silentSince }) =>
        html`<tr><th scope="row" class="number">${stream}</th><td>${gateway === "" ? "not named yet" : gateway}</td>${
          silentSince === null
            ? html`<td class="heard">● heard</td>`
            : html`<td class="silent">✕ silent since ${timeWords(silentSince)} UTC</td>`
        }</tr>\n`,
    )}</tbody></table>
<h2>Refused since the start</h2>
${
  rejected.length === 0
    ? html`<p>Nothing was refused.</p>`
    : html`<table class="refused">
<thead><tr><th scope="col" class="number">Count</th><th scope="col">What it was</th><th scope="col">Code</th></tr></thead>
<tbody>${rejected.map(([code, count]) => html`<tr><td class="number">${count}</td><th scope="row">${REJECTED[code]}</th><td><code>${code}</code></td></tr>\n`)}</tbody></table>`
}
<h2>Taken since the start</h2>
<dl>
<dt>Frames that came</dt><dd>${reception.frames}</dd>
<dt>Samples delivered to the queues</dt><dd>${receiver.samples}</dd>
<dt>Samples without a name</dt><dd>${reception.unnamed}</dd>
<dt>Frames turned away while the disk took nothing</dt><dd>${receiver.turnedAway}</dd>
<dt>Checkpoints that hold</dt><dd>${reception.proven.verified}</dd>
<dt>Checkpoints that do not hold</dt><dd>${reception.proven.refuted}</dd>
</dl>
${
  store.loss === null
    ? null
    : html`<p class="note silent">▲ On ${timeWords(store.loss.atMs)} UTC the memory of what had come was found lost: ${store.loss.why}</p>`
}`;
}
