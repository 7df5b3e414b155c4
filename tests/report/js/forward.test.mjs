import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement, chartHost, drawn, fakePage, fakePlots, filmElements, labels, packed } from "./fakes.mjs";
import { placement } from "../../../src/unstir/report/js/axes.mjs";
import { forwardSection, forwardWords } from "../../../src/unstir/report/js/forward.mjs";

// Three noise levels: all data, alpha = 0.6 and sigma = 0.8, all noise.
const chain = () => ({
  n: [0, 1, 2], alpha: [1, 0.6, 0], sigma: [0, 0.8, 1], alpha_bar: [1, 0.36, 0], log_snr: [null, Math.log(0.36 / 0.64), null],
});
const points = () => ({
  ...chain(), show: "points", axes: ["x", "y"], frame: [-2, 2, -2, 2], decode: null, labels: null, bits: null,
  x0: packed([1, 0], [1, 2], -1, 1), eps: packed([0, 1], [1, 2], -1, 1),
});

const opened = (forward, classes = []) => {
  const elements = {
    ...filmElements("forward", 2),
    "forward-stage": new FakeElement("canvas"),
    "forward-what": new FakeElement(),
    "forward-key": new FakeElement(),
    "forward-signal": chartHost("signal"),
    "forward-snr": chartHost("log-SNR"),
    "forward-bits": chartHost("bits"),
  };
  fakePage(elements);
  const plots = fakePlots(), film = forwardSection(forward, { classes, autoplay: false });
  const move = (place) => {
    elements["forward-slider"].value = place;
    elements["forward-slider"].fire("input");
  };
  return { elements, plots, film, move, canvas: elements["forward-stage"] };
};

test("the readings say the step, the share of the signal, the log-SNR and the bits left", () => {
  // Catches a log-SNR of "–" where it is infinite (JSON has no infinity), and bits between two measured steps that jump.
  const { readings, sentence } = forwardWords({ ...chain(), bits: { n: [1, 2], left: [8, 2] } });
  assert.deepEqual(readings(0), ["n = 0 of 2", "ᾱ = 1", "log-SNR ∞ nats", "all bits left"]);
  assert.deepEqual(readings(1), ["n = 1 of 2", "ᾱ = 0.36", "log-SNR −0.575 nats", "8 bits left"]);
  assert.equal(readings(2)[2], "log-SNR −∞ nats");
  assert.equal(sentence(1), "Step 1 of 2: share of the signal 0.36, 8 bits left.");
  assert.equal(sentence(0), "Step 0 of 2: share of the signal 1.");
});

test("without measured bits there are none to read", () => {
  const { readings, sentence } = forwardWords({ ...chain(), bits: null });
  assert.equal(readings(1).length, 3);
  assert.equal(sentence(1), "Step 1 of 2: share of the signal 0.36.");
});

test("a point is drawn at alpha x_0 + sigma eps", () => {
  // x_0 = (1, 0), eps = (0, 1): at n = 1 it is at (0.6, 0.8). Catches alpha-bar for alpha, which gives (0.36, 0.8).
  const { canvas, move } = opened(points()), { across, up } = placement(400, 300, 1, [-2, 2, -2, 2]);
  for (const [n, x, y] of [[0, 1, 0], [1, 0.6, 0.8], [2, 0, 1]]) {
    move(n);
    const { args } = drawn(canvas, "moveTo").at(-1);
    assert.ok(Math.hypot(args[0] - across(x), args[1] - up(y)) < 0.02, `${n}: ${args}`);
  }
});

test("each point keeps its own noise when rows are put in the order of their classes", () => {
  // Class 1 comes first in the data and last in the drawing. Catches x_0 in the new order with eps in the old one: then the noise at
  // n = 2 is exchanged.
  const two = { ...points(), x0: packed([1, 0, -1, 0], [2, 2], -1, 1), eps: packed([0, 1, 0, -1], [2, 2], -1, 1), labels: labels([1, 0]) };
  const { canvas, move, elements } = opened(two, ["<left>", "right"]), { up } = placement(400, 300, 1, [-2, 2, -2, 2]);
  move(2);
  const [left, right] = drawn(canvas, "moveTo").slice(-2).map(({ args }) => args[1]);
  assert.ok(Math.abs(left - up(-1)) < 0.02 && Math.abs(right - up(1)) < 0.02);
  assert.deepEqual(elements["forward-key"].children.map((item) => item.children[1].textContent), ["<left>", "right"]);
});

test("the curves' markers move with the film", () => {
  const { plots, move } = opened({ ...points(), bits: { n: [1, 2], left: [8, 2], exact: null, gaussian: [9, 3] } });
  move(1);
  assert.equal(plots.length, 3);
  plots.forEach((plot) => assert.equal(plot.over.children[0].style.transform, "translateX(100px)"));
  assert.deepEqual(plots[2].data.slice(1), [[8, 2], [9, 3]]); // what is not known, the exact bits, has no line
  [0, 2].forEach((i) => assert.equal(plots[i].options.scales.y.range(null, 0.5, 8)[0], 0)); // shares and bits from zero on
  assert.deepEqual(plots[2].options.scales.x.range(null, 1, 2), [0, 2]); // the same axis as the other two
});

test("the note says what is shown", () => {
  assert.equal(opened(points()).elements["forward-what"].textContent, "1 points");
  const images = { ...points(), show: "images", x0: packed([0, 1], [1, 1, 2], 0, 1), eps: packed([0, 1], [1, 1, 2], 0, 1) };
  assert.equal(opened(images).elements["forward-what"].textContent, "1 images");
  const zeros = (n) => packed(new Array(n).fill(0), [n, 1, 1], -1, 1);
  const sequences = (n) => ({ ...points(), show: "sequences", x0: zeros(n), eps: zeros(n) });
  assert.equal(opened(sequences(3)).elements["forward-what"].textContent, "3 sequences");
  assert.equal(opened(sequences(30)).elements["forward-what"].textContent, "12 sequences"); // those that are drawn
});
