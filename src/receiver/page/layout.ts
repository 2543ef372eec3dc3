/** What every page has round it: title, ways to the others, and how the lines are. */
import { type Html, html, type Part } from "./html.ts";
import type { Watched } from "./watched.ts";
import { counted, timeWords } from "./words.ts";

/** Lines that are named one by one at the head of every page. */
const MOST_NAMED = 3;

export interface Page {
  readonly title: string;
  readonly at: "points" | "ledger" | "lines" | null;
  /** What `/live` is asked for it. */
  readonly live: string;
  readonly main: Html;
  readonly draws?: boolean;
}

export function documentOf(watched: Watched, { title, at, live, main, draws }: Page): string {
  const now = watched.now();
  const way = (key: Page["at"], href: string, words: string): Html =>
    html`<a href="${href}"${key === at ? html` aria-current="page"` : null}>${words}</a>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – ${watched.name}</title>
<link rel="icon" href="/icon.svg">
${draws === true ? html`<link rel="stylesheet" href="/uplot.css">\n` : null}<link rel="stylesheet" href="/page.css">
${draws === true ? html`<script src="/uplot.js" defer></script>\n` : null}<script src="/page.js" defer></script>
</head>
<body data-live="${live}" data-now="${now}">
<a class="skip" href="#main">To the content</a>
<header>
<p class="name">${watched.name}</p>
<nav aria-label="Pages">${way("points", "/", "Points")}${way("ledger", "/ledger", "Ledger")}${way("lines", "/lines", "Lines")}</nav>
<div id="summary">${summary(watched)}</div>
<p class="live"><span id="live" role="status"></span><span id="clock">As of ${timeWords(now)} UTC</span></p>
</header>
<noscript><p class="note">Without JavaScript this page stays as it is; load it again for what is newer.</p></noscript>
<p class="note" id="changed" hidden>There are other points now. <a href="">Load the page again</a></p>
<main id="main" tabindex="-1">
<h1>${title}</h1>
${main}
</main>
</body>
</html>
`.text;
}

/** Lines that are silent are named; those that are heard too, where they are few. */
export function summary(watched: Watched): Html {
  const lines = watched.lines();
  const silent = lines.filter(({ silentSince }) => silentSince !== null);
  const named = lines.length <= MOST_NAMED ? lines : silent.slice(0, MOST_NAMED);
  const heard = lines.length - silent.length;
  const words: Part[] = named.map(({ stream, gateway, silentSince }) =>
    silentSince === null
      ? html`<li class="heard"><span aria-hidden="true">● </span>${gateway === "" ? `stream ${stream}` : gateway}: heard</li>`
      : html`<li class="silent"><span aria-hidden="true">✕ </span>${gateway === "" ? `stream ${stream}` : gateway}: silent since ${timeWords(silentSince).slice(11)}</li>`,
  );
  if (lines.length > MOST_NAMED) words.push(html`<li>${counted(heard, "line")} heard, ${silent.length} silent</li>`);
  const { trouble } = watched.receiver;
  if (trouble !== null) words.push(html`<li class="silent"><span aria-hidden="true">▲ </span>Nothing is taken: ${trouble}</li>`);
  return html`<ul class="summary">${words}</ul>`;
}

export function link(path: string, query: Readonly<Record<string, string | number>>): string {
  const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)] as [string, string]));
  return search.size === 0 ? path : `${path}?${search}`;
}
