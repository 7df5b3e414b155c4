import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, chartHost, fakePage, fakePlots } from "./fakes.mjs";
import { chart } from "../../../src/unstir/report/js/chart.mjs";
import { followTheme } from "../../../src/unstir/report/js/theme.mjs";

const lines = () => [{ name: "training", y: [1, 3, 2], colour: "c2" }, { name: "held out", y: [null, 5, null], dots: true }];

const drawnChart = (options) => {
  const host = chartHost("Loss"), page = fakePage({ loss: host }), plots = fakePlots();
  followTheme();
  const handle = chart("loss", { x: [0, 1, 2], over: "step", lines: lines(), ...options });
  return { host, page, plot: plots[0], handle };
};

test("the plot gets the numbers, and the words for those who do not see it", () => {
  // Catches lines and x exchanged, and a picture without words.
  const { host, plot } = drawnChart();
  assert.deepEqual(plot.data, [[0, 1, 2], [1, 3, 2], [null, 5, null]]);
  assert.equal(plot.host, host);
  assert.match(host.attributes["aria-label"], /^Loss, over step from 0 to 2\. training from 1 to 2, lowest 1, highest 3; held out from 5/);
});

test("the scales are those that were asked for", () => {
  // Catches a logarithmic scale without its own numbers: uPlot's are empty on a short axis.
  const plain = drawnChart({ from: 0, span: [0, 9] }).plot.options;
  assert.deepEqual(plain.scales.x.range(null, 0, 2), [0, 9]);
  assert.deepEqual(plain.scales.y.range(null, 1, 5), [0, 5.3]);
  assert.equal(plain.scales.y.distr, 1);
  const logarithmic = drawnChart({ logarithmic: true }).plot.options;
  assert.equal(logarithmic.scales.y.distr, 3);
  assert.deepEqual(logarithmic.axes[1].splits(null, 1, 1, 10000), [1, 10, 100, 1000, 10000]);
  assert.deepEqual(logarithmic.axes[1].values(null, [1000, null]), ["1000", ""]);
  assert.ok(!("splits" in plain.axes[1]));
});

test("lines look as they are asked to, in the colours of the theme", () => {
  // Catches measured points joined by a line that nobody measured, and colours taken once.
  const { page, plot } = drawnChart(), [, training, held] = plot.options.series;
  assert.equal(training.stroke(), COLOURS.c2);
  assert.deepEqual([training.width, held.width, held.points.show, training.points.show], [2, 0, true, false]);
  assert.equal(held.paths(), null);
  page.colours = { ...COLOURS, c2: "#abcdef" };
  page.media["(prefers-color-scheme: dark)"].fire("change");
  assert.equal(training.stroke(), "#abcdef");
  assert.equal(plot.redrawn, 1);
});

test("a stair starts at the left end of its step", () => {
  const { plot } = drawnChart({ lines: [{ name: "a", y: [1, 2, 2], steps: true }] });
  assert.deepEqual(plot.options.series[1].paths, { stepped: { align: 1 } });
});

test("the key has a name for each line, and the value under the pointer", () => {
  // Catches values of another line, and values that stay when the pointer has left.
  const { host, plot } = drawnChart();
  const values = () => host.next.children.map((item) => item.children[2].textContent);
  assert.deepEqual(host.next.children.map((item) => item.children[1].textContent), ["training", "held out"]);
  const point = (idx) => plot.options.hooks.setCursor.forEach((hook) => hook({ cursor: { idx } }));
  point(1);
  assert.deepEqual(values(), ["3", "5"]);
  point(2);
  assert.deepEqual(values(), ["2", "–"]);
  point(null);
  assert.deepEqual(values(), ["", ""]);
});

test("one line needs no key", () => {
  assert.equal(drawnChart({ lines: lines().slice(0, 1) }).host.next, undefined);
});

test("the marker stands at the film's place, its dots on the curves", () => {
  // The fake plot has 100 pixels for 1 of x and 10 for 1 of y: x = 0.5 is at 50, between y = 1 and 3 at 20. Catches a marker at the
  // number of the frame, dots at the nearest value, and a dot where a curve has none.
  const { plot, handle } = drawnChart({ marker: true, lines: [lines()[0], { name: "late", y: [null, null, 4] }] });
  handle.mark(0.5);
  const [stick, dot, late] = plot.over.children;
  assert.equal(stick.style.transform, "translateX(50px)");
  assert.equal(dot.style.transform, "translate(50px,20px)");
  assert.equal(late.hidden, true);
  handle.mark(2);
  assert.deepEqual([late.hidden, late.style.transform], [false, "translate(200px,40px)"]);
});

test("a wider window widens the plot and keeps its height; a hidden one does nothing", () => {
  const { host, page, plot, handle } = drawnChart({ marker: true });
  const resize = (clientWidth) => {
    host.clientWidth = clientWidth;
    page.sized.find(({ target }) => target === host).resized();
  };
  resize(640);
  assert.deepEqual([plot.width, plot.height], [640, 300]);
  assert.equal(plot.over.children[0].style.transform, undefined); // no film has called yet
  handle.mark(1);
  plot.valToPos = () => 7;
  resize(500); // catches a marker that stays where the old plot had its place
  assert.equal(plot.over.children[0].style.transform, "translateX(7px)");
  resize(0); // catches a plot that is lost when its section is hidden
  assert.equal(plot.width, 500);
});

test("where nothing was measured there are words and no picture", () => {
  // Catches an empty plot that says it is a picture.
  const { host, plot, handle } = drawnChart({ lines: [{ name: "a", y: [null, null] }] });
  assert.equal(plot, undefined);
  assert.equal(host.textContent, "Nothing was measured.");
  assert.equal(host.attributes["aria-label"], undefined);
  handle.mark(3); // a film may still call it
});

test("one value is a dot: a line through it would not be seen", () => {
  const { plot } = drawnChart({ x: [3], lines: [{ name: "a", y: [1] }] });
  assert.equal(plot.options.series[1].points.show, true);
});

test("the axis has space for its longest number, 7 pixels a letter", () => {
  // Catches numbers that are cut off at the left edge.
  const { size } = drawnChart().plot.options.axes[1];
  assert.equal(size(null, ["1", "1,000,000"]), 12 + 7 * 9);
  assert.equal(size(null, null), 19); // uPlot asks before it knows the numbers
  assert.equal(size(null, [null]), 19);
});

test("a dashed line is dashed in the key", () => {
  const { host } = drawnChart({ lines: [...lines(), { name: "baseline", y: [1, 1, 1], dash: [6, 4] }] });
  const dashes = host.next.children.map((item) => item.children[0].children[0].style.strokeDasharray);
  assert.deepEqual(dashes, [undefined, undefined, "3 2"]);
});
