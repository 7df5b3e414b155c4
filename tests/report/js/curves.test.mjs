import assert from "node:assert/strict";
import test from "node:test";

import { close } from "./fakes.mjs";
import { acrossRange, describe, drawable, upRange } from "../../../src/unstir/report/js/curves.mjs";

test("lines without a value are left out; zero is a value, but not on a logarithmic axis", () => {
  // Catches a key with a line that is nowhere, and the logarithm of zero.
  const lines = [{ name: "a", y: [0, -1, 0.5] }, { name: "b", y: [null, null] }, { name: "c", y: null }];
  assert.deepEqual(drawable(lines, false), [lines[0]]);
  assert.deepEqual(drawable(lines, true), [{ name: "a", y: [null, null, 0.5] }]);
  assert.deepEqual(lines[0].y, [0, -1, 0.5]); // catches the page's own numbers changed
});

test("the axis of x ends where the data ends", () => {
  assert.deepEqual(acrossRange(3, 8, null), [3, 8]);
  assert.deepEqual(acrossRange(3, 3, null), [2, 4]); // one value only: catches an axis of no length
  assert.deepEqual(acrossRange(3, 8, [0, 1000]), [0, 1000]);
});

test("the axis of y has a little air, and every value is on it", () => {
  assert.deepEqual(upRange(0, 10, {}), [-0.5, 10.5]);
  assert.deepEqual(upRange(null, null, {}), [0, 1]);
  const [low, high] = upRange(3, 3, {}); // catches an axis of no length for a constant learning rate
  assert.ok(low < 3 && high > 3);
  const [zero, above] = upRange(0, 0, {});
  assert.ok(zero < 0 && above > 0);
});

test("an axis from zero starts at zero, or lower where values are lower", () => {
  // Catches air under zero for a share of the signal, and negative values cut off.
  assert.deepEqual(upRange(0.2, 1, { from: 0 }), [0, 1.06]);
  assert.deepEqual(upRange(-1, 1, { from: 0 }), [-1, 1.12]);
  assert.deepEqual(upRange(0, 0, { from: 0 }), [0, 1]);
});

test("what lies beyond a bound does not stretch the axis", () => {
  // A log-SNR from -10 to 40, seen within 14. Catches a curve that is pressed flat by its ends.
  assert.ok(close(upRange(-10, 40, { within: 14 }), [-11.2, 15.2]));
});

test("the air of a logarithmic axis is a factor, the same at both ends", () => {
  // Catches air that is subtracted: the lower end would be below zero.
  const [low, high] = upRange(0.01, 100, { logarithmic: true });
  assert.ok(low > 0 && low < 0.01 && high > 100);
  assert.ok(Math.abs(0.01 / low - high / 100) < 1e-9);
});

test("a chart in words says where each line starts, ends, and how far it goes", () => {
  // Catches null counted as 0, and the ends of x taken for those of y.
  const lines = [{ name: "loss", y: [null, 4, 0.25, 2, null] }, { name: "none", y: [null] }];
  assert.equal(
    describe("Loss", [1, 2, 3, 4, 1000], lines, "step"),
    "Loss, over step from 1 to 1000. loss from 4 to 2, lowest 0.25, highest 4; none: no values.",
  );
});
