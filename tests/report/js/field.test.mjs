import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement, close, drawn, fakePage, packed } from "./fakes.mjs";
import { placement } from "../../../src/unstir/report/js/axes.mjs";
import { arrowLines, fieldPainter, shadePixels } from "../../../src/unstir/report/js/field.mjs";

test("the first row of a density is the lowest y, at the bottom of the picture", () => {
  // (2, 1): 4 below, 1 above. The opacity goes as the square root: 165 and 82.5. Catches a picture upside down.
  const pixels = new Uint8ClampedArray(8);
  shadePixels(pixels, Float32Array.from([4, 1]), 2, 1, [10, 20, 30]);
  assert.deepEqual([...pixels], [10, 20, 30, 82, 10, 20, 30, 165]);
});

test("a row of a density runs from left to right", () => {
  // (2, 3): the opacities 165 sqrt(v / 9) of 1, 4, 9 below and of 0, 0, 9 above. Catches height taken for width.
  const pixels = new Uint8ClampedArray(24);
  shadePixels(pixels, Float32Array.from([1, 4, 9, 0, 0, 9]), 2, 3, [0, 0, 0]);
  assert.deepEqual([3, 7, 11, 15, 19, 23].map((at) => pixels[at]), [0, 0, 165, 55, 110, 165]);
});

test("a density that is slightly below zero is no ink", () => {
  // Catches the square root of a negative number.
  const pixels = new Uint8ClampedArray(8);
  shadePixels(pixels, Float32Array.from([-0.1, 1]), 1, 2, [0, 0, 0]);
  assert.deepEqual([pixels[3], pixels[7]], [0, 165]);
});

test("an arrow has its middle at the point, and its head where the score points to", () => {
  // One unit is 10 pixels; an arrow of (2, 1) at (5, 5). Catches heads at the wrong end, and y downwards.
  const place = { across: (x) => 10 * x, up: (y) => 100 - 10 * y };
  const [shaft, left, right] = arrowLines(place, 5, 5, 2, 1, 10, 8);
  assert.deepEqual(shaft, [[40, 55], [60, 45]]);
  assert.deepEqual(left[1], [60, 45]);
  assert.deepEqual(right[0], [60, 45]);
  const behind = ([x, y]) => (x - 60) * 20 + (y - 45) * -10; // along the shaft, from the tip
  assert.ok(behind(left[0]) < 0 && behind(right[1]) < 0);
  assert.ok(Math.abs(Math.hypot(left[0][0] - 60, left[0][1] - 45) - 8) < 1e-9);
  assert.equal(arrowLines(place, 5, 5, 0.01, 0, 10, 8), null);
});

const field = () => ({
  frame: [0, 1, 0, 1],
  times: [1, 0],
  arrows: packed([1, 0, 1, 0, 1, 0, 1, 0, 0, -1, 0, -1, 0, -1, 0, -1], [2, 2, 2, 2], -1, 1), // to the right at t = 1, down at t = 0
  density: packed([1, 1, 1, 1, 0, 0, 0, 1], [2, 2, 2], 0, 1),
});

const behind = (background, t, shown) => {
  const canvas = new FakeElement("canvas", { width: 400, height: 400 }), context = canvas.getContext();
  background(t, shown)(context, placement(400, 400, 1, [0, 1, 0, 1]));
  return drawn(canvas, "drawImage").map(({ args }) => args[0]);
};

test("arrows are those of the nearest moment", () => {
  // Catches the first moment for all, and the arrows of another moment (an index that forgets the moment).
  fakePage();
  const background = fieldPainter(field())(), shown = { density: false, arrows: true };
  for (const [t, rightwards] of [[0.9, true], [0.2, false]]) {
    const [picture] = behind(background, t, shown), [start] = drawn(picture, "moveTo"), [end] = drawn(picture, "lineTo");
    const along = [end.args[0] - start.args[0], end.args[1] - start.args[1]];
    assert.ok(rightwards ? along[0] > 100 && Math.abs(along[1]) < 0.1 : along[1] > 100 && Math.abs(along[0]) < 0.1, `${along}`);
  }
});

test("a background is drawn once for a moment, and anew when another one or something else is asked for", () => {
  // Catches a field that is drawn at every frame, and a switch that has no effect until the slider moves.
  fakePage();
  const background = fieldPainter(field())(), both = { density: true, arrows: true };
  const [first] = behind(background, 0.9, both), [same] = behind(background, 0.8, both);
  const [later] = behind(background, 0.1, both), [less] = behind(background, 0.1, { density: true, arrows: false });
  assert.equal(first, same);
  assert.notEqual(first, later);
  assert.notEqual(later, less);
  assert.equal(drawn(less, "moveTo").length, 0);
  assert.equal(drawn(less, "drawImage").length, 1);
  assert.deepEqual(behind(background, 0.1, { density: false, arrows: false }), []);
});

test("the density lies over its frame", () => {
  // Catches a picture that is stretched over the axes' numbers.
  fakePage();
  const [picture] = behind(fieldPainter(field())(), 0, { density: true, arrows: false }), { box } = placement(400, 400, 1, [0, 1, 0, 1]);
  const [{ args }] = drawn(picture, "drawImage");
  assert.deepEqual([...drawn(args[0], "putImageData")[0].args[0].data].filter((_, at) => at % 4 === 3), [0, 165, 0, 0]); // of t = 0
  assert.deepEqual(drawn(args[0], "putImageData")[0].args.slice(1), [0, 0]);
  assert.ok(close(args.slice(1), [box.left, box.top, box.right - box.left, box.bottom - box.top]));
});

test("a field without a density has arrows", () => {
  fakePage();
  const [picture] = behind(fieldPainter({ ...field(), density: null })(), 0, { density: true, arrows: true });
  assert.ok(drawn(picture, "moveTo").length > 0);
  assert.equal(drawn(picture, "drawImage").length, 0);
});

test("there is an arrow at each place of the grid, with the score of that place", () => {
  // 3 x 3 places, of which all but two have a score of zero and no arrow: the one at the right end of the lowest row points up, the
  // one in the middle of the highest points left. They have the longest score, whatever it is: 0.9 of the distance between two places. Catches
  // rows taken for columns, and a grid that is shifted.
  fakePage();
  const scores = new Array(18).fill(0);
  scores[2 * 2 + 1] = 0.5; // y lowest, x highest
  scores[2 * (2 * 3 + 1)] = -0.5; // y highest, x in the middle
  const one = { frame: [-1, 1, -1, 1], times: [0], arrows: packed(scores, [1, 3, 3, 2], -1, 1), density: null };
  const canvas = new FakeElement("canvas", { width: 400, height: 400 }), place = placement(400, 400, 1, [-1, 1, -1, 1]);
  fieldPainter(one)()(0, { density: false, arrows: true })(canvas.getContext(), place);
  const picture = drawn(canvas, "drawImage")[0].args[0], starts = drawn(picture, "moveTo"), ends = drawn(picture, "lineTo");
  const { box } = place, [{ args: clipped }] = drawn(picture, "rect"); // nothing is drawn over the axes' numbers
  assert.deepEqual(clipped, [box.left, box.top, box.right - box.left, box.bottom - box.top]);
  assert.equal(starts.length, 6); // a shaft and two barbs each
  const { across, up } = place, shafts = [0, 3].map((i) => [...starts[i].args, ...ends[i].args]);
  assert.ok(close(shafts[0], [across(1), up(-1.45), across(1), up(-0.55)], 0.05));
  assert.ok(close(shafts[1], [across(0.45), up(1), across(-0.45), up(1)], 0.05));
});

test("arrows that would stand too close are every second one", () => {
  // 41 x 41 places in 350 pixels are 9 apart. Catches a picture that is black with arrows.
  fakePage();
  const one = { frame: [0, 1, 0, 1], times: [0], arrows: packed(new Array(3362).fill(1), [1, 41, 41, 2], -1, 1), density: null };
  const canvas = new FakeElement("canvas", { width: 400, height: 400 });
  fieldPainter(one)()(0, { density: false, arrows: true })(canvas.getContext(), placement(400, 400, 1, [0, 1, 0, 1]));
  assert.equal(drawn(drawn(canvas, "drawImage")[0].args[0], "moveTo").length, 3 * 21 ** 2);
});
