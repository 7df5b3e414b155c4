import assert from "node:assert/strict";
import test from "node:test";

import { close } from "./fakes.mjs";
import { logarithmicTicks, ticks } from "../../../src/unstir/report/js/ticks.mjs";

test("ticks are round and inside", () => {
  // Catches ends that are no ticks though they are round, steps of 3 or 4, and a tick beyond the end.
  assert.ok(close(ticks(0, 1), [0, 0.5, 1]));
  assert.ok(close(ticks(0, 4), [0, 1, 2, 3, 4]));
  assert.ok(close(ticks(-3.2, 3.2), [-2, 0, 2]));
  assert.ok(close(ticks(0, 80), [0, 20, 40, 60, 80]));
});

test("between three and six ticks whatever the interval, one step apart", () => {
  // Catches a power of ten that is rounded up: then there is one tick, or forty.
  for (const width of [0.0013, 0.7, 1, 2.4, 9.99, 1000, 123456]) {
    const found = ticks(-0.37 * width, 0.63 * width);
    assert.ok(found.length >= 2 && found.length <= 6, `${width}: ${found}`);
    const step = found[1] - found[0];
    assert.ok(found.every((value, i) => Math.abs(value - found[0] - i * step) < 1e-9 * width));
    assert.ok([1, 2, 5, 10].some((factor) => Math.abs(step / 10 ** Math.floor(Math.log10(step) + 1e-9) - factor) < 1e-6), `${step}`);
  }
});

test("a logarithmic axis has powers of ten, fewer where it is long, more where it is short", () => {
  // Catches equal steps on a logarithmic axis, and a hundred labels on top of each other.
  assert.ok(close(logarithmicTicks(1, 10000), [1, 10, 100, 1000, 10000], 1e-9));
  assert.ok(close(logarithmicTicks(0.9, 100), [1, 3, 10, 30, 100], 1e-9));
  assert.ok(close(logarithmicTicks(1, 10), [1, 2, 5, 10], 1e-9));
  const long = logarithmicTicks(1e-10, 1e10).map((value) => Math.round(Math.log10(value)));
  assert.deepEqual(long, [-8, -4, 0, 4, 8]);
});

test("a logarithmic axis of less than half a power of ten has ordinary ticks", () => {
  // Catches an axis without any number.
  assert.ok(close(logarithmicTicks(2, 4), ticks(2, 4)));
});
