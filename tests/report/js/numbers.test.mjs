import assert from "node:assert/strict";
import test from "node:test";

import { extent, formatNumber, interpolate, product } from "../../../src/unstir/report/js/numbers.mjs";

test("a number has three digits, groups of three, a typeset minus", () => {
  // Catches a hyphen for a minus, an exponent with a plus, zeros at the end, and null written as 0.
  const written = [
    [0.04127, "0.0413"], [12345.6, "12,346"], [2010, "2010"], [2010.4, "2010"], [0, "0"],
    [-2.5e-7, "−2.5e−7"], [1.23456e-7, "1.23e−7"], [1e7, "1e7"], [-3, "−3"], [1234567, "1,234,567"],
  ];
  for (const [value, text] of written) assert.equal(formatNumber(value), text);
  for (const nothing of [null, undefined, NaN]) assert.equal(formatNumber(nothing), "–");
  assert.equal(formatNumber(Infinity) + formatNumber(-Infinity), "∞−∞");
  assert.equal(formatNumber(1000, 6), "1000");
});

test("a whole number keeps its zeros at the end", () => {
  // Catches a pattern that strips the zeros of 5e10 or of 100.
  assert.equal(formatNumber(100), "100");
  assert.equal(formatNumber(5e10), "5e10");
  assert.equal(formatNumber(1e10, 1), "1e10");
});

test("extent is the smallest and the largest, and never an empty interval", () => {
  // Catches a maximum that starts from 0, and an axis of no length, which divides by zero.
  assert.deepEqual(extent([-3, -1, -2]), [-3, -1]);
  assert.deepEqual(extent([5, 5]), [4, 6]);
});

test("product of a shape; of none it is 1", () => {
  assert.equal(product([2, 3, 4]), 24);
  assert.equal(product([]), 1);
});

test("a curve is straight in between, absent before its first place, and stays after its last", () => {
  // Catches the nearest value for the straight line, and a curve that is continued to the left.
  const x = [1, 3, 4], y = [10, 20, 0];
  assert.equal(interpolate(x, y, 1.5), 12.5);
  assert.equal(interpolate(x, y, 3), 20);
  assert.equal(interpolate(x, y, 0.5), null);
  assert.equal(interpolate(x, y, 1), 10);
  assert.equal(interpolate(x, y, 9), 0);
  assert.equal(interpolate(x, [null, 20, 0], 2), 20); // catches null that counts as 0 and gives 10
});
