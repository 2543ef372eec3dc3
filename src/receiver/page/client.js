/* What a browser does with what is told live. Without it every page is whole, as of when it was loaded. Nothing is sent but the question. */

(() => {
  const MOST_SAMPLES = 600;
  const live = document.getElementById("live");
  const clock = document.getElementById("clock");
  const rows = new Map([...document.querySelectorAll("tr[data-n]")].map((row) => [Number(row.dataset.n), row]));
  const say = (words) => {
    // Told to those who cannot see it only when it changes.
    if (live.textContent !== words) live.textContent = words;
  };

  function ageWords(ms) {
    const seconds = Math.floor(ms / 1000);
    if (seconds < 0) return "ahead";
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
    return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
  }

  const timeWords = (ms) => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

  function put(cell, text) {
    if (cell.textContent !== text) cell.textContent = text;
  }

  function showRow([number, value, quality, words, timeMs]) {
    const row = rows.get(number);
    if (row === undefined) return;
    row.dataset.t = timeMs;
    put(row.cells[1], value);
    row.cells[3].className = `q ${quality}`;
    put(row.cells[3], words);
    row.cells[4].title = `${timeWords(Math.min(Math.max(timeMs, 0), 253402214400000))} UTC`;
  }

  function take({ now, parts, silent, rows: news, trend, changed }) {
    say("Live");
    put(clock, `${timeWords(now)} UTC`);
    for (const [id, text] of Object.entries(parts)) {
      const part = document.getElementById(id);
      // The server's own, escaped there.
      if (part !== null) part.innerHTML = text;
    }
    for (const section of document.querySelectorAll("section[data-stream]"))
      section.classList.toggle("away", silent.includes(Number(section.dataset.stream)));
    for (const row of news ?? []) showRow(row);
    for (const row of rows.values()) if (row.dataset.t !== undefined) put(row.cells[4], ageWords(now - Number(row.dataset.t)));
    if (changed === true) document.getElementById("changed").hidden = false;
    if (trend !== undefined) draw(trend);
  }

  /* The trend: time, values of steps, values whose quality is not good. */
  const place = document.getElementById("trend");
  const data = [[], [], []];
  let plot = null;

  function draw(samples) {
    for (const [timeMs, value, quality] of samples) {
      // A clock may go back; a picture may not.
      data[0].push(Math.max(timeMs / 1000, data[0].at(-1) ?? 0));
      data[1].push(value);
      data[2].push(quality === "good" ? null : value);
    }
    for (const column of data) column.splice(0, Math.max(0, column.length - MOST_SAMPLES));
    if (plot === null && data[1].some((value) => value !== null)) plot = plotOf();
    else if (plot !== null && samples.length > 0) plot.setData(data);
  }

  function plotOf() {
    document.getElementById("key").hidden = false;
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const iso = (seconds) => timeWords(seconds * 1000);
    const axis = {
      stroke: colour("--quiet"),
      grid: { stroke: colour("--rule"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui",
    };
    const unit = place.dataset.unit;
    const words = (_plot, value) => (value === null ? "–" : `${Number(value.toPrecision(Math.fround(value) === value ? 7 : 12))} ${unit}`);
    return new uPlot(
      {
        ...size(),
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        cursor: { drag: { x: false, y: false } },
        scales: { x: { range: (_plot, from, to) => (to - from < 10 ? [from - 5, to + 5] : [from, to]) } },
        series: [
          { label: "Time", value: (_plot, seconds) => (seconds === null ? "–" : iso(seconds)) },
          {
            label: "Value",
            stroke: colour("--accent"),
            width: 2,
            paths: uPlot.paths.stepped({ align: 1 }),
            points: { show: false },
            value: words,
          },
          {
            label: "Not good",
            stroke: colour("--bad"),
            paths: () => null,
            points: { show: true, size: 9, width: 2, fill: colour("--back") },
            value: words,
          },
        ],
        axes: [
          {
            ...axis,
            space: 90,
            size: 30,
            values: (_plot, at, _axis, _space, step) =>
              at.map((s) => (step < 60 ? iso(s).slice(11) : step < 86400 ? iso(s).slice(11, 16) : iso(s).slice(5, 10))),
          },
          { ...axis, size: 64, values: (_plot, at) => at.map((value) => String(Number(value.toPrecision(6)))) },
        ],
      },
      data,
      place,
    );
  }

  function size() {
    return { width: place.clientWidth, height: Math.max(180, Math.min(320, Math.round(window.innerHeight * 0.4))) };
  }

  function redraw() {
    plot?.destroy();
    plot = plot === null ? null : plotOf();
  }

  if (place !== null) {
    new ResizeObserver(() => plot?.setSize(size())).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  }

  let source = null;
  let again = 0;

  function follow() {
    clearTimeout(again);
    // A browser has six connections to one place: a page that nobody looks at gives its own back.
    if (document.hidden || source !== null) return;
    source = new EventSource(document.body.dataset.live);
    // What is drawn is told from the beginning.
    source.onopen = () => {
      for (const column of data) column.length = 0;
    };
    source.onmessage = ({ data: text }) => take(JSON.parse(text));
    source.onerror = () => {
      stop("Not live");
      again = setTimeout(follow, 5000);
    };
  }

  function stop(words) {
    source?.close();
    source = null;
    say(words);
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? stop("Not live") : follow()));
  follow();
})();
