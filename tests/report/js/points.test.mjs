import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, FakeElement, drawn, fakePage } from "./fakes.mjs";
import { placement } from "../../../src/unstir/report/js/axes.mjs";
import { dotSize, pointsPainter } from "../../../src/unstir/report/js/points.mjs";

const FRAME = [-2, 2, -1, 1];
const coloured = { order: [0, 1, 2], groups: [{ from: 0, to: 1, colour: () => COLOURS.c1 }, { from: 1, to: 3, colour: () => COLOURS.c2 }] };

const painted = (points, more = {}) => {
  fakePage();
  const canvas = new FakeElement("canvas", { width: 400, height: 300 });
  const painter = pointsPainter({ frame: FRAME, axes: ["x", "y"], coloured, count: 3, ...more });
  painter.fit(400, 300, 1);
  painter.paint(canvas.getContext(), Float32Array.from(points));
  return canvas;
};

test("each point is where the axes say, in the colour of its group", () => {
  // Catches x and y exchanged, y downwards, and colours by the row's number.
  const canvas = painted([1, 0.5, -1.5, -0.5, 0, 0]), { across, up } = placement(400, 300, 1, FRAME);
  const places = drawn(canvas, "moveTo").map(({ args, state }) => [...args, state.strokeStyle]);
  const expected = [[1, 0.5, COLOURS.c1], [-1.5, -0.5, COLOURS.c2], [0, 0, COLOURS.c2]];
  places.forEach(([x, y, colour], i) => {
    assert.ok(Math.hypot(x - across(expected[i][0]), y - up(expected[i][1])) < 1e-4);
    assert.equal(colour, expected[i][2]);
  });
  assert.equal(places.length, 3);
  assert.equal(drawn(canvas, "stroke").length, 2); // one path a colour
});

test("a point outside the frame is not drawn over the axes", () => {
  const canvas = painted([2.1, 0, 0, -1.1, 0, 0]);
  assert.equal(drawn(canvas, "moveTo").length, 1);
});

test("the old picture goes first, then what is behind, the axes, and the points", () => {
  // Catches a trail of old points, and a background over the points.
  const canvas = painted([0, 0, 0, 0, 0, 0], { behind: (context) => context.behind() });
  const names = canvas.getContext().calls.map(({ name }) => name);
  const order = ["clearRect", "behind", "drawImage", "moveTo"].map((name) => names.indexOf(name));
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
  assert.ok(!order.includes(-1));
});

test("dots are smaller where there are many, never too small to be seen, and grow with the screen's pixels", () => {
  assert.ok(dotSize(100, 500, 1) > dotSize(2000, 500, 1));
  assert.equal(dotSize(1e6, 500, 1), 2.2); // at least 1.1 of radius
  assert.equal(dotSize(1, 500, 1), 5.2); // at most 2.6
  assert.equal(dotSize(1, 1000, 2), 10.4);
});

test("many points are a little transparent, so that one sees where they crowd", () => {
  const opacity = (count) => drawn(painted([0, 0, 0, 0, 0, 0], { count }), "moveTo")[0].state.globalAlpha;
  assert.equal(opacity(3), 1);
  assert.ok(opacity(2000) < 1);
});
