// Where the bars and lines of a chart are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HEIGHT, plotted, roundUp, WIDTH } from "../src/console/plot.ts";

test("the scale goes by round steps, up to the largest value", () => {
  assert.deepEqual([0, 0.3, 1, 1.2, 3, 7, 1234].map(roundUp), [1, 0.5, 1, 2, 5, 10, 2000]);
  const { lines } = plotted("bars", ["a", "b"], [{ name: "x", values: [3, 17] }]);
  assert.deepEqual(lines.map(({ value }) => value), [0, 5, 10, 15, 20]);
  assert.equal(plotted("bars", ["a"], [{ name: "x", values: [0] }]).lines.at(-1)?.value, 1);
});

test("bars stand on each other, and none leaves the picture", () => {
  const places = Array.from({ length: 30 }, (_, index) => String(index));
  const series = [
    { name: "done", values: places.map((_, index) => index) },
    { name: "refused", values: places.map(() => 2) },
  ];
  const { bars } = plotted("bars", places, series);
  for (const bar of bars) {
    assert.ok(bar.x >= 0 && bar.x + bar.width <= WIDTH + 0.01 && bar.y >= 0 && bar.y + bar.height <= HEIGHT, JSON.stringify(bar));
  }
  const [lower, upper] = bars.filter(({ key }) => key.endsWith("-29"));
  assert.ok(lower !== undefined && upper !== undefined);
  assert.ok(Math.abs(upper.y + upper.height - lower.y) < 0.02);
  // Nothing is drawn for nothing.
  assert.equal(bars.filter(({ key }) => key === "0-0").length, 0);
});

test("a line is interrupted where there is no value, and a lone point is seen", () => {
  const { paths } = plotted("line", ["a", "b", "c", "d"], [{ name: "p50", values: [1, null, 3, 2] }]);
  assert.match(paths[0]?.d ?? "", /^M[\d. ]+h0M[\d. ]+L[\d. ]+$/);
  assert.deepEqual(plotted("line", [], []).paths, []);
});

test("labels keep a distance", () => {
  const places = Array.from({ length: 30 }, (_, index) => String(index));
  const { labels } = plotted("bars", places, [{ name: "x", values: places.map(() => 1) }]);
  assert.ok(labels.length >= 8 && labels.length <= 11, String(labels.length));
});
