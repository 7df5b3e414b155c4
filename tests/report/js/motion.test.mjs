import assert from "node:assert/strict";
import test from "node:test";

import { close } from "./fakes.mjs";
import { addNoise, blend, moments, nearest } from "../../../src/unstir/report/js/motion.mjs";

test("x_n = alpha_n x_0 + sigma_n eps", () => {
  // With alpha = 0.6 and sigma = 0.8. Catches alpha-bar (0.36) for alpha, and the two coefficients exchanged.
  const x = new Float32Array(3);
  addNoise(x, 0.6, Float32Array.from([1, 0, 2]), 0.8, Float32Array.from([0, 1, -1]));
  assert.ok(close(x, [0.6, 0.8, 0.4]));
});

test("noise and data that do not depend on each other keep the variance 1 where alpha^2 + sigma^2 = 1", () => {
  // Rows of +1 and -1 in all four combinations have variance 1 exactly. Catches sigma = 1 - alpha.
  const x = new Float32Array(4), alpha = 0.28;
  addNoise(x, alpha, [1, 1, -1, -1], Math.sqrt(1 - alpha ** 2), [1, -1, 1, -1]);
  assert.ok(Math.abs(x.reduce((sum, value) => sum + value ** 2, 0) / 4 - 1) < 1e-6);
});

test("a time lies between two kept moments, which are found by time and not by number", () => {
  // Times are not evenly spaced. Catches frames matched by their number: t = 0.5 is the middle of 101 frames, not of these.
  const times = [1, 0.9, 0.4, 0];
  assert.deepEqual(moments(times, 1), { from: 0, to: 1, share: 0 });
  assert.deepEqual(moments(times, 0), { from: 2, to: 3, share: 1 });
  const { from, to, share } = moments(times, 0.5);
  assert.deepEqual([from, to], [1, 2]);
  assert.ok(Math.abs(share - 0.8) < 1e-12); // 0.4 of the 0.5 from 0.9 down to 0.4
});

test("before the first moment and after the last nothing moves", () => {
  // Catches a path that is continued beyond its ends, and a division by zero where only one moment was kept.
  assert.equal(moments([0.8, 0.2], 1).share, 0);
  assert.equal(moments([0.8, 0.2], 0).share, 1);
  assert.deepEqual(moments([0], 0.5), { from: 0, to: 0, share: 1 });
});

test("between two states every number moves in a straight line", () => {
  // Catches a share that counts from the wrong end: that gives [7, 70].
  const state = new Float32Array(2);
  blend(state, Float32Array.from([9, 90, 0, 0, 4, 40]), { from: 1, to: 2, share: 0.25 });
  assert.deepEqual([...state], [1, 10]);
});

test("a sampler passes through what it kept", () => {
  // Law: at a kept time the state is the kept state. Catches an index that is one too far.
  const times = [1, 0.7, 0.1, 0], states = Float32Array.from([1, 2, 3, 4]), state = new Float32Array(1);
  times.forEach((t, i) => {
    blend(state, states, moments(times, t));
    assert.ok(Math.abs(state[0] - states[i]) < 1e-6);
  });
});

test("the nearest kept moment, the earlier of two", () => {
  assert.equal(nearest([1, 0.5, 0], 0.7), 1);
  assert.equal(nearest([1, 0.5, 0], 0.75), 0);
  assert.equal(nearest([1, 0.5, 0], 0.1), 2); // catches the next one below
});
