/** The page in a real browser, in a control room's window and on a phone: it fits, lives, draws, can be used by keys, and asks nobody else. */
import { writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Browser, type Tab } from "#test/support/browser";
import { hasTool, need } from "#test/support/need";
import { PageRig } from "./pageRig.ts";

const HOSTILE = `</a><script>document.title="taken"</script><img src=//evil.example/x onerror=alert(2)>"'`;
const POINTS = [
  { asset: "boiler-1", point: "steam pressure", unit: "bar", description: "Drum" },
  { asset: "boiler-1", point: "burner on" },
  { asset: "boiler-2", point: HOSTILE, unit: "<b>°C</b>", description: HOSTILE },
  { asset: "boiler-2", point: `a_${"very_".repeat(20)}long_name_without_a_space`, unit: "kilometres per fortnight" },
];
const SIZES = [
  [1024, 600],
  [390, 844],
] as const;
const TREND = "/trend?gateway=boiler-house&asset=boiler-1&point=steam+pressure";

const browsed = suite<{ rig: PageRig; browser: Browser | null }>("receiver/page in a browser");
browsed.before(async (context) => {
  context.browser = hasTool("chromium") ? await Browser.open() : null;
  context.rig = await PageRig.open({ everyMs: 100 });
  context.rig.introduce(POINTS);
  for (let n = 0; n < 30; n++) context.rig.value(0, 7 + n / 10, n % 10 === 9 ? "uncertain" : "good", Date.now() - 30_000 + n * 1_000);
  context.rig.value(2, HOSTILE);
  context.rig.value(3, 123_456_789.125, "comm-lost");
});
browsed.after(async ({ rig, browser }) => {
  await browser?.close();
  await rig.close();
});

/** One open tab, which is closed again: each page that is looked at holds a connection. */
async function looking(
  browser: Browser,
  [width, height]: readonly [number, number],
  url: string,
  at: (tab: Tab) => Promise<void>,
): Promise<void> {
  const tab = await browser.tab(width, height);
  await tab.go(url);
  await tab.until("document.getElementById('live').textContent === 'Live'");
  await at(tab);
  const pictures = process.env.PENSTOCK_PICTURES;
  if (pictures !== undefined) writeFileSync(`${pictures}/${width}-${new URL(url).pathname.slice(1)}.png`, await tab.picture());
  const { origin } = new URL(url);
  assert.equal(
    tab.requests.filter((each) => !each.startsWith(`${origin}/`) && each !== "about:blank"),
    [],
  );
  assert.equal(tab.complaints, []);
  await tab.ask("Page.close");
}

for (const size of SIZES) {
  browsed(`${size.join("x")}: every page fits its width, and asks nobody else`, async ({ rig, browser }) => {
    if (!need("chromium", browser !== null) || browser === null) return;
    for (const target of [
      "/",
      "/ledger",
      "/lines",
      TREND,
      `/trend?gateway=boiler-house&asset=boiler-2&point=${encodeURIComponent(HOSTILE)}`,
    ])
      await looking(browser, size, rig.origin + target, async (tab) => {
        const [wide, there] = await tab.look<[number, number]>(
          "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
        );
        assert.ok(wide <= there, `${target}: ${wide} in ${there}`);
        assert.is(await tab.look("document.querySelectorAll('img, b, script:not([src])').length"), 0);
        assert.not.match(await tab.look<string>("document.title"), /^taken/);
      });
  });

  browsed(
    `${size.join("x")}: values change while one looks, and Tab reaches all there is, in order and visibly`,
    async ({ rig, browser }) => {
      if (!need("chromium", browser !== null) || browser === null) return;
      await looking(browser, size, `${rig.origin}/`, async (tab) => {
        const value = Math.round(Math.random() * 1e6) / 100;
        rig.value(0, value, "uncertain");
        await tab.until(
          `[...document.querySelectorAll('tr[data-n]')].some((row) => row.cells[1].textContent === '${value}' && row.cells[3].textContent === '◐ uncertain')`,
        );
        rig.value(1, true);
        await tab.until("[...document.querySelectorAll('tr[data-n]')].some((row) => row.cells[1].textContent === 'on')");
        const all = await tab.look<string[]>(
          "[...document.querySelectorAll('a[href], input, button, select')].filter((e) => e.closest('[hidden]') === null).map((e) => e.textContent + e.id)",
        );
        const reached: string[] = [];
        for (let i = 0; i < all.length; i++) {
          await tab.press("Tab", 9);
          reached.push(await tab.look<string>("document.activeElement.textContent + document.activeElement.id"));
          assert.is(await tab.look("getComputedStyle(document.activeElement).outlineStyle"), "solid", reached.at(-1));
        }
        assert.equal(reached, all);
        assert.is(reached[0], "To the content");
        await tab.look("document.activeElement.blur()");
      });
    },
  );

  browsed(`${size.join("x")}: the trend is drawn, and goes on`, async ({ rig, browser }) => {
    if (!need("chromium", browser !== null) || browser === null) return;
    await looking(browser, size, rig.origin + TREND, async (tab) => {
      await tab.until("document.querySelector('#trend canvas') !== null");
      const ink = `(() => { const c = document.querySelector('#trend canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let h = 0, n = 0; for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 0) { n += 1; h = (h * 31 + i) % 1000003; } return [n, h]; })()`;
      await tab.until(`${ink}[0] > 1000`);
      const before = await tab.look<[number, number]>(ink);
      rig.value(0, 25 + Math.random());
      await tab.until(`${ink}[1] !== ${before[1]}`);
      await tab.until("/^25/.test(document.querySelector('#now strong').textContent)");
      assert.ok((await tab.look<number>("document.querySelectorAll('#samples tbody tr').length")) > 10);
      rig.value(0, 9);
    });
  });
}

browsed.run();
