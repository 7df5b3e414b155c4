import assert from "node:assert/strict";
import test from "node:test";

import { close, labels } from "./fakes.mjs";
import { decoder, reorder, unpack } from "../../../src/unstir/report/js/unpack.mjs";

const bytes = (...values) => Buffer.from(values).toString("base64");

test("two bytes are a signed number, the low byte first, and each column has its own ends", () => {
  // -32768 is 00 80, 32767 is ff 7f, and 0 lies 32768/65535 of the way up. Catches the other order of bytes, numbers without a sign,
  // and the ends of the first column for both.
  const both = { shape: [2, 2], type: "int16", low: [-1, 10], high: [1, 30], b64: bytes(0x00, 0x80, 0xff, 0x7f, 0x00, 0x00, 0x00, 0x80) };
  assert.ok(close(unpack(both), [-1, 30, -1 + (2 * 32768) / 65535, 10]));
});

test("one byte has 255 steps; ends may be one number", () => {
  // Catches 256 steps: then the largest is never reached.
  assert.ok(close(unpack({ shape: [3], type: "uint8", low: 0, high: 1, b64: bytes(0, 51, 255) }), [0, 0.2, 1]));
  assert.deepEqual([...unpack(labels([0, 2, 7]))], [0, 2, 7]);
});

test("the ends go by the last axis, not by the row", () => {
  const cube = { shape: [1, 3, 2], type: "uint8", low: [0, 100], high: [1, 101], b64: bytes(0, 0, 255, 255, 0, 255) };
  assert.deepEqual([...unpack(cube)], [0, 100, 1, 101, 0, 101]);
});

test("decoded values are shift + scale x, number by number of a row", () => {
  // Catches shift and scale that are exchanged, and the first column's for all.
  const one = (low, high) => ({ shape: [2], type: "uint8", low, high, b64: bytes(0, 255) });
  const decoded = decoder({ shift: one(1, 5), scale: one(2, 10) });
  assert.deepEqual([...decoded(Float32Array.from([0, 0, 1, 1, -1, 2]))], [1, 5, 3, 15, -1, 25]);
  assert.equal(decoded(new Float32Array(4)).length, 4); // catches a buffer that keeps its first size
  const values = Float32Array.from([3, 4]);
  assert.equal(decoder(null)(values), values);
});

test("row order[i] becomes row i", () => {
  // Catches the inverse order: [20, 21, 0, 1, 10, 11] is right, [10, 11, 20, 21, 0, 1] is the inverse.
  assert.deepEqual([...reorder(Float32Array.from([0, 1, 10, 11, 20, 21]), [2, 0, 1], 2)], [20, 21, 0, 1, 10, 11]);
});
