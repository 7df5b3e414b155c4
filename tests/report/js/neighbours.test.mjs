import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, FakeElement, close, drawn, fakePage } from "./fakes.mjs";
import { placement } from "../../../src/unstir/report/js/axes.mjs";
import { neighboursSection, pairCurves, pairShape, pairsPainter, squareFrame } from "../../../src/unstir/report/js/neighbours.mjs";

test("the frame is a square about all rows, with air", () => {
  // x spans 0 to 10, y 4 to 5: 11.2 wide and tall, about (5, 4.5). Catches a frame in which distances across and up differ.
  assert.ok(close(squareFrame([[0, 4], [10, 5]]), [-0.6, 10.6, -1.1, 10.1]));
  const [, , low, high] = squareFrame([[0], [10]]); // one column: y = 0
  assert.ok(low < 0 && high > 0);
});

test("the shape of a pair of images", () => {
  // Catches width before height.
  assert.deepEqual(pairShape([[0, 0, 0], [0, 0, 0]]), [2, 2, 3]);
  assert.deepEqual(pairShape([[[0, 0, 0]], [[0, 0, 0]]]), [2, 2, 1, 3]);
});

test("a pair of curves: the sample last, which is on top; of several channels the first", () => {
  // Catches channels that are strung together into one curve.
  const { curves, shape } = pairCurves([1, 90, 2, 91], [3, 92, 4, 93], 2);
  assert.deepEqual([...curves], [3, 1, 4, 2]);
  assert.deepEqual(shape, [1, 2, 2]);
});

test("pairs of one column lie on a line; a number is above or below where the line goes down or up", () => {
  // The nearest row is above the sample: its number is below. Catches y = NaN for a row of one number, and a number on the line.
  fakePage();
  const paint = (samples, nearest, scale) => {
    const canvas = new FakeElement("canvas", { width: 400 * scale, height: 300 * scale });
    const painter = pairsPainter({ samples, nearest, frame: [-1, 1, -1, 1], axes: ["x", "y"] });
    painter.fit(canvas.width, canvas.height, scale);
    painter.paint(canvas.getContext());
    return canvas;
  };
  const flat = paint([[-0.5]], [[0.5]], 1), { across, up } = placement(400, 300, 1, [-1, 1, -1, 1]);
  assert.deepEqual([drawn(flat, "moveTo")[0].args, drawn(flat, "lineTo")[0].args], [[across(-0.5), up(0)], [across(0.5), up(0)]]);
  const tall = paint([[0, 0]], [[0, 0.5]], 1), [, , height] = drawn(tall, "fillText")[0].args;
  assert.ok(height > up(0));
  const sharp = paint([[0, 0]], [[0, 0.5]], 2); // twice as many pixels: rings and letters of twice the size
  assert.equal(drawn(sharp, "arc")[0].args[2], 2 * drawn(tall, "arc")[0].args[2]);
  assert.equal(parseFloat(drawn(sharp, "fillText")[0].state.font), 2 * parseFloat(drawn(tall, "fillText")[0].state.font));
  assert.equal(drawn(sharp, "fillText")[0].args[2], 2 * height);
});

const opened = (neighbours, axes = ["x", "y"]) => {
  const elements = { "neighbours-key": new FakeElement("ul"), neighbours: new FakeElement("canvas") };
  neighbours.pairs.forEach((_, i) => (elements[`neighbours-${i}`] = new FakeElement("canvas")));
  const page = fakePage(elements);
  neighboursSection(neighbours, axes);
  return { elements, page, key: elements["neighbours-key"].children.map((item) => item.children[1].textContent) };
};

test("points: a dot at the sample, a ring at its nearest row, a line between, and its number away from the line", () => {
  // Catches the two exchanged, and numbers that count from 0 or stand on the line.
  const { elements, key } = opened({ show: "points", pairs: [{ sample: [0, 0], nearest: [1, 0] }, { sample: [0, 1], nearest: [0, 1] }] });
  const canvas = elements.neighbours, { across, up } = placement(400, 300, 1, squareFrame([[0, 0], [1, 0], [0, 1], [0, 1]]));
  const [ring, dot] = drawn(canvas, "arc").map(({ args, state }) => ({ x: args[0], y: args[1], radius: args[2], ...state }));
  assert.deepEqual([ring.x, ring.y, ring.radius, ring.strokeStyle], [across(1), up(0), 5, COLOURS.c4]);
  assert.deepEqual([dot.x, dot.y, dot.radius, dot.fillStyle], [across(0), up(0), 3, COLOURS.accent]);
  assert.deepEqual(drawn(canvas, "lineTo")[0].args, [across(1), up(0)]);
  const numbers = drawn(canvas, "fillText").map(({ args }) => args);
  assert.deepEqual(numbers.map(([text]) => text), ["1", "2"]);
  assert.ok(Math.abs(numbers[0][1] - (across(0) - 11)) < 1e-9); // the line goes to the right, the number is on the left
  assert.ok(numbers.every((args) => args.slice(1).every(Number.isFinite))); // a sample that is its nearest row: no division by zero
  assert.deepEqual(key, ["sample", "nearest training row"]);
});

test("images: the sample on the left, its nearest row on the right, in the data's own range", () => {
  // Catches a range of the pair, in which two nearly equal greys look like black and white.
  const { elements, page, key } = opened({ show: "images", low: 0, high: 100, pairs: [{ sample: [[20]], nearest: [[40]] }] });
  const [put] = page.made.flatMap((canvas) => (canvas.tag === "canvas" ? drawn(canvas, "putImageData") : []));
  assert.deepEqual([put.args[0].data[0], put.args[0].data[8]], [51, 102]); // a gap of one pixel in between
  assert.equal(elements["neighbours-0"].style.aspectRatio, "3 / 1");
  assert.deepEqual(key, []); // left and right need no key
});

test("sequences and long rows: two curves in one field, over the range of all pairs", () => {
  // Rows of one channel. Range 0 to 4: 300 pixels, so that 1 is at 225. Catches a range of its own for each pair, and colours exchanged.
  const pairs = [{ sample: [0, 1], nearest: [2, 2] }, { sample: [4, 4], nearest: [4, 4] }];
  const { elements, key } = opened({ show: "vectors", low: null, high: null, pairs });
  const points = drawn(elements["neighbours-0"], "lineTo").slice(1).map(({ args, state }) => [args[1], state.strokeStyle]);
  assert.deepEqual(points, [[150, COLOURS.c2], [150, COLOURS.c2], [300, COLOURS.accent], [225, COLOURS.accent]]);
  assert.deepEqual(key, ["sample", "nearest training row"]);
});
