import assert from "node:assert/strict";
import test from "node:test";

import { drawn, fakePage } from "./fakes.mjs";
import { drawAxes, placement, shortened } from "../../../src/unstir/report/js/axes.mjs";

test("the corners of the frame are the corners of the box, and y points up", () => {
  // Catches y counted downwards, and a box that forgets the scale.
  const { box, across, up } = placement(500, 400, 2, [-1, 3, 10, 20]);
  assert.deepEqual([across(-1), across(3), up(10), up(20)], [box.left, box.right, box.bottom, box.top]);
  assert.equal(across(1), (box.left + box.right) / 2);
  assert.ok(up(11) > up(12));
  assert.deepEqual(box, { left: 88, top: 12, right: 488, bottom: 328 });
});

test("numbers stand where their values are, and each axis has its name", () => {
  // Catches names exchanged, and numbers of x along y.
  fakePage();
  const { picture, across, up } = drawAxes(400, 300, 1, [0, 4, 0, 0.4], ["width", "height"]);
  const texts = new Map(drawn(picture, "fillText").map(({ args: [text, x, y] }) => [text, [x, y]]));
  assert.equal(texts.get("2")[0], across(2));
  assert.equal(texts.get("0.2")[1], up(0.2));
  assert.ok(texts.get("width")[1] > texts.get("2")[1]); // under the numbers
  assert.equal(texts.get("width")[0], across(2)); // in the middle
  assert.equal(drawn(picture, "translate")[0].args[1], up(0.2));
  assert.ok(texts.get("2")[1] > up(0) && texts.get("0.2")[0] < across(0)); // outside of the box
  const marks = drawn(picture, "fillRect").map(({ args: [x, y, wide, tall] }) => [x + wide / 2, y + tall / 2]);
  assert.ok(marks.some(([x]) => x === across(2)) && marks.some(([, y]) => y === up(0.2)));
  assert.deepEqual(texts.get("height"), [0, 0]); // of the turned paper
  assert.deepEqual(drawn(picture, "rotate")[0].args, [-Math.PI / 2]);
});

test("a name that is too long is cut, with an ellipsis, and fits", () => {
  // A letter is 6 wide: of 60 there is space for nine letters and the ellipsis. Catches a name that runs out of the picture.
  const context = { measureText: (text) => ({ width: 6 * text.length }) };
  assert.equal(shortened(context, "0123456789", 60), "0123456789");
  assert.equal(shortened(context, "0123456789a", 60), "012345678…");
  assert.equal(shortened(context, "x".repeat(100000), 60).length, 10);
});

test("on a screen of twice as many pixels everything is twice as large", () => {
  // Law: both pictures look the same. Catches letters of half the size, and a mark that keeps its width.
  fakePage();
  const pictures = [1, 2].map((scale) => drawAxes(400 * scale, 300 * scale, scale, [0, 4, 0, 0.4], ["x", "y"]).picture.getContext().calls);
  const scaled = (value, times) => (typeof value === "number" ? value * times : value);
  const numbers = (calls, times) =>
    calls.filter(({ name }) => name !== "rotate").map(({ name, args }) => [name, ...args.map((value) => scaled(value, times))]);
  assert.deepEqual(numbers(pictures[0], 2), numbers(pictures[1], 1));
  const size = (calls) => parseFloat(calls.find(({ name }) => name === "fillText").state.font);
  assert.equal(size(pictures[1]), 2 * size(pictures[0]));
});
