import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, labels, useColours } from "./fakes.mjs";
import { colourByAngle, colourByClass, nthColour, oneColour, rgb, wheel } from "../../../src/unstir/report/js/colours.mjs";

useColours();

test("red, green and blue of a hexadecimal colour", () => {
  // Catches decimal digits, and blue before red.
  assert.deepEqual(rgb("#0a80ff"), [10, 128, 255]);
});

test("the circle of colours ends where it starts, and passes through all six", () => {
  // c1 is #10 red (16), c6 #60 (96): halfway to the next of six stops is halfway in red. Catches a circle with a seam.
  assert.equal(wheel(0), "rgb(16,0,0)");
  assert.equal(wheel(1), "rgb(16,0,0)");
  assert.equal(wheel(1 / 12), "rgb(56,0,0)");
  const passed = [0, 1, 2, 3, 4, 5].map((i) => wheel(i / 6 + 1e-9));
  assert.equal(new Set(passed).size, 6);
});

test("up to ten things have the colours of the figures; more have the circle's", () => {
  // Catches counting from 1, an eleventh class without a colour, and a seventh that has another colour than in the figures.
  assert.equal(nthColour(0, 6), COLOURS.c1);
  assert.equal(nthColour(6, 7), COLOURS.c7);
  assert.equal(nthColour(9, 10), COLOURS.c10);
  assert.equal(nthColour(6, 11), wheel(6 / 11));
});

test("rows of one class stand together, each under its own colour", () => {
  // Catches groups in the order of the rows, and colours by the number of the group: class 2 is the second group but the third colour.
  const { order, groups } = colourByClass(labels([2, 0, 2, 0]), 3);
  assert.deepEqual(order, [1, 3, 0, 2]);
  assert.deepEqual(groups.map(({ name, from, to }) => [name, from, to]), [[0, 0, 2], [2, 2, 4]]);
  assert.deepEqual(groups.map((group) => group.colour()), [COLOURS.c1, COLOURS.c3]);
  assert.deepEqual(colourByClass(labels([1, 0]), 2).groups.map(({ from, to }) => [from, to]), [[0, 1], [1, 2]]); // one row each
});

test("a group's colour follows the theme", () => {
  // Catches a colour that is taken once.
  const [group] = colourByClass(labels([0]), 1).groups;
  useColours({ ...COLOURS, c1: "#abcdef" });
  assert.equal(group.colour(), "#abcdef");
  useColours();
});

test("points about a centre are coloured by their angle, whatever the centre", () => {
  // 48 points on a circle about (5, -7), in a mixed order: two for each of 24 hues, next to each other on the circle. Catches angles
  // about the origin, where all are alike.
  const places = Array.from({ length: 48 }, (_, i) => (i * 7) % 48);
  const points = Float32Array.from(places.flatMap((place) => {
    const angle = ((place + 0.5) / 48) * 2 * Math.PI - Math.PI;
    return [5 + Math.cos(angle), -7 + Math.sin(angle)];
  }));
  const { order, groups } = colourByAngle(points, 2);
  assert.deepEqual(order.map((row) => places[row]), Array.from({ length: 48 }, (_, i) => i));
  assert.equal(groups.length, 24);
  assert.ok(groups.every(({ from, to }) => to - from === 2));
  assert.deepEqual(groups.map((group) => group.colour()), groups.map((_, hue) => wheel((hue + 0.5) / 24)));
});

test("only the first two numbers of a longer row count", () => {
  const { order } = colourByAngle(Float32Array.from([0, 1, 99, 0, -1, -99]), 3);
  assert.deepEqual(order, [1, 0]); // the angle of (0, -1) is the smaller
});

test("one colour for all, in their own order", () => {
  const { order, groups } = oneColour(3, "accent");
  assert.deepEqual(order, [0, 1, 2]);
  assert.deepEqual([groups.length, groups[0].from, groups[0].to, groups[0].colour()], [1, 0, 3, COLOURS.accent]);
});

test("classes without names count too", () => {
  // Label 10 is the eleventh class, though none has a name. Catches colours that run out.
  assert.equal(colourByClass(labels([10]), 0).groups[0].colour(), wheel(10 / 11));
});
