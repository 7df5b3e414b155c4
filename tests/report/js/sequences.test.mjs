import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, FakeElement, drawn, fakePage } from "./fakes.mjs";
import { FIELDS, fieldGrid, sequencesPainter } from "../../../src/unstir/report/js/sequences.mjs";

const painted = (shape, values, more = {}) => {
  fakePage();
  const canvas = new FakeElement("canvas", { width: 620, height: 620 });
  const painter = sequencesPainter({ shape, range: [-1, 3], across: 1, ...more });
  painter.fit(620, 620, 1);
  painter.paint(canvas.getContext(), values);
  return canvas;
};

test("fields fill the picture in rows, with gaps between them", () => {
  // Catches fields that overlap or run out of the picture.
  const { corners, wide, tall } = fieldGrid(5, 616, 308, 1);
  assert.equal(wide, 200); // three side by side: 3 * 200 + 2 * 8
  assert.equal(tall, 150); // two rows: 2 * 150 + 8
  assert.deepEqual(corners[4], { left: 208, top: 158 });
  const phone = fieldGrid(4, 500, 500, 2); // 250 CSS pixels wide: two side by side
  assert.deepEqual(phone.corners[2], { left: 0, top: phone.tall + 16 });
});

test("a curve goes from the left end to the right, up where its values rise, one colour a channel", () => {
  // (1, 3, 2): channel 0 is -1, 1, 3, channel 1 always 3. Catches channels before time, and y downwards.
  const canvas = painted([1, 3, 2], [-1, 3, 1, 3, 3, 3]);
  const points = drawn(canvas, "lineTo").slice(1).map(({ args, state }) => [...args, state.strokeStyle]); // the first is the line of zero
  assert.deepEqual(points.slice(0, 3), [[0, 620, COLOURS.c1], [310, 310, COLOURS.c1], [620, 0, COLOURS.c1]]);
  assert.deepEqual(points.slice(3), [[0, 0, COLOURS.c2], [310, 0, COLOURS.c2], [620, 0, COLOURS.c2]]);
});

test("each sequence is in its own field", () => {
  // Two of two values, below each other in 306 pixels each. Catches a second sequence that begins within the first.
  const points = drawn(painted([2, 2, 1], [3, 3, -1, 1]), "lineTo").map(({ args }) => args);
  assert.deepEqual([points[1], points[2]], [[0, 0], [620, 0]]);
  assert.deepEqual([points[4], points[5]], [[0, 620], [620, 314 + 153]]);
  assert.ok(points[0][0] === 620 && points[3][0] === 620); // the lines of zero go right across
});

test("the line of zero is at zero", () => {
  // Of -1 to 3, zero is a quarter up. Catches a line in the middle.
  const canvas = painted([1, 1, 1], [0]);
  assert.equal(drawn(canvas, "moveTo")[0].args[1], 465);
  assert.deepEqual(drawn(canvas, "lineTo")[1].args, [310, 465]); // a sequence of one is a place in the middle, not a division by zero
});

test("lines are twice as wide on a screen of twice as many pixels", () => {
  const width = (scale) => {
    const canvas = new FakeElement("canvas", { width: 620 * scale, height: 620 * scale });
    const painter = sequencesPainter({ shape: [1, 2, 1], range: [-1, 1] });
    painter.fit(620 * scale, 620 * scale, scale);
    painter.paint(canvas.getContext(), [0, 0]);
    return drawn(canvas, "stroke").map(({ state }) => state.lineWidth);
  };
  assert.deepEqual(width(2), width(1).map((one) => 2 * one));
});

test("the colours may be chosen, and no more than twelve sequences are shown", () => {
  const canvas = painted([30, 1, 1], new Float32Array(30), { colourOf: (c) => `colour ${c}` });
  assert.equal(drawn(canvas, "clip").length, FIELDS);
  assert.equal(drawn(canvas, "lineTo")[1].state.strokeStyle, "colour 0");
});
