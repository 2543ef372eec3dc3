import { suite } from "uvu";
import * as assert from "uvu/assert";
import { csvCell, csvRow, visible, visibleLines } from "#documents/escape";
import { nearest, quoted, sayProblem } from "#documents/problems";

const problems = suite("documents/problems");

problems("RULINGS 16: a problem is one line on a terminal, whatever it quotes", () => {
  const line = sayProblem({ file: "a\u001b[2Jb.yaml", line: 3, column: 12, found: '"x\ny\u202e"', expected: "text\u0007" });
  assert.is(line, 'a\\u{001b}[2Jb.yaml:3:12: found "x\\u{000a}y\\u{202e}"; expected text\\u{0007}');
});

problems("RULINGS 16: unprintable characters are shown, printable ones of any script stay", () => {
  assert.is(visible("Kessel Ä 锅炉 ≤ 5 °C"), "Kessel Ä 锅炉 ≤ 5 °C");
  assert.is(visible("\u0000\u007f\u0085\u200b\u2028\u2066\ufeff"), "\\u{0000}\\u{007f}\\u{0085}\\u{200b}\\u{2028}\\u{2066}\\u{feff}");
  assert.is(visible("\ud800x"), "\\u{d800}x", "a lone surrogate");
  assert.is(visible("\u{e0041}"), "\\u{e0041}", "a tag character beyond the first plane is one");
  assert.is(visibleLines("a\tb\nc\r"), "a\tb\nc\\u{000d}");
});

problems("RULINGS 16: a CSV cell is never a formula and never ends its row", () => {
  for (const start of ["=", "+", "-", "@", "\t", "\r"])
    assert.ok(csvCell(`${start}1`).replace(/^"/, "").startsWith("'"), JSON.stringify(start));
  assert.is(csvCell('=HYPERLINK("x","y")'), '"\'=HYPERLINK(""x"",""y"")"');
  assert.is(csvCell("a,b"), '"a,b"');
  assert.is(csvCell("a\nb"), '"a\nb"');
  assert.is(csvCell("a=b"), "a=b");
  assert.is(csvRow(["a", "-1", ""]), "a,'-1,\r\n");
});

problems("what was found is quoted short", () => {
  assert.is(quoted("x".repeat(60)), `"${"x".repeat(60)}"`);
  assert.is(quoted("x".repeat(61)), `"${"x".repeat(57)}..."`);
});

problems("the nearest word is a slip of the hand away, or none is offered", () => {
  const known = ["asset", "interface", "port", "min", "max"];
  assert.is(nearest("aset", known), "asset");
  assert.is(nearest("Asset", known), "asset");
  assert.is(nearest("mni", known), "min", "a swap is one slip");
  assert.is(nearest("intreface", known), "interface");
  assert.is(nearest("portt", known), "port");
  assert.is(nearest("zebra", known), null);
  assert.is(nearest("x", known), null);
  assert.is(nearest("x".repeat(1000), known), null);
});

problems.run();
