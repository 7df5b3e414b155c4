import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement, drawn, fakePage } from "./fakes.mjs";
import { fillPixels, imageGrid, imagesPainter } from "../../../src/unstir/report/js/images.mjs";

const pixel = (data, width, x, y) => [...data.slice(4 * (y * width + x), 4 * (y * width + x) + 4)];

test("the grid is as square as can be, with gaps between images and none around them", () => {
  // Five images of 4 x 6 (H x W): three side by side, two rows, gaps of one pixel. Catches H and W exchanged, and a gap too many.
  assert.deepEqual(imageGrid([5, 4, 6]), { columns: 3, gap: 1, width: 3 * 6 + 2, height: 2 * 4 + 1 });
  assert.deepEqual(imageGrid([2, 28, 28], 2), { columns: 2, gap: 2, width: 58, height: 28 });
});

test("grey images: black at one end of the range, white at the other, cut off beyond", () => {
  // Two images of 1 x 2 side by side. Catches images below each other, black for white, and numbers that wrap around at 256.
  const grid = imageGrid([2, 1, 2], 2), data = new Uint8ClampedArray(4 * grid.width * grid.height);
  fillPixels(data, [-1, 1, -9, 9], [2, 1, 2], [-1, 1], grid);
  assert.deepEqual(pixel(data, grid.width, 0, 0), [0, 0, 0, 255]);
  assert.deepEqual(pixel(data, grid.width, 1, 0), [255, 255, 255, 255]);
  assert.deepEqual(pixel(data, grid.width, 2, 0), [0, 0, 0, 0]); // the gap stays transparent
  assert.deepEqual(pixel(data, grid.width, 3, 0), [0, 0, 0, 255]);
  assert.deepEqual(pixel(data, grid.width, 4, 0), [255, 255, 255, 255]);
});

test("coloured images: the three numbers of a pixel are red, green and blue", () => {
  // Catches channels first, and colours in the order blue, green, red.
  const grid = imageGrid([1, 2, 1, 3]), data = new Uint8ClampedArray(4 * grid.width * grid.height);
  fillPixels(data, [0.2, 0.4, 0.6, 1, 0, 1], [1, 2, 1, 3], [0, 1], grid);
  assert.deepEqual(pixel(data, 1, 0, 0), [51, 102, 153, 255]);
  assert.deepEqual(pixel(data, 1, 0, 1), [255, 0, 255, 255]);
});

test("images with an opacity are seen on white", () => {
  // Catches the colours of transparent pixels in view, and channels of which the fourth is taken for the next pixel's red.
  const grid = imageGrid([1, 1, 3, 4]), data = new Uint8ClampedArray(4 * grid.width * grid.height);
  fillPixels(data, [200, 100, 0, 255, 200, 100, 0, 51, 9, 9, 9, 0], [1, 1, 3, 4], [0, 255], grid);
  assert.deepEqual(pixel(data, 3, 0, 0), [200, 100, 0, 255]);
  assert.deepEqual(pixel(data, 3, 1, 0), [244, 224, 204, 255]);
  assert.deepEqual(pixel(data, 3, 2, 0), [255, 255, 255, 255]);
});

test("the painter shows the grid over the whole canvas, with hard pixels", () => {
  // Catches a blurred picture of 28 x 28, and one that is stretched: the canvas takes the grid's own proportions.
  fakePage();
  const canvas = new FakeElement("canvas", { width: 200, height: 100 }), painter = imagesPainter({ shape: [2, 3, 3], range: [0, 1] });
  painter.paint(canvas.getContext(), new Float32Array(18));
  const [{ args, state }] = drawn(canvas, "drawImage");
  assert.deepEqual(args.slice(1), [0, 0, 200, 100]);
  assert.equal(state.imageSmoothingEnabled, false);
  assert.equal(painter.aspect, "7 / 3");
});

test("every image is in its own cell, row after row", () => {
  // Five images of 2 x 3, three side by side, with values that are all different. Catches an image that begins in the one before, and
  // gaps that are counted across only.
  const shape = [5, 2, 3], grid = imageGrid(shape), data = new Uint8ClampedArray(4 * grid.width * grid.height);
  fillPixels(data, Array.from({ length: 30 }, (_, value) => value), shape, [0, 255], grid);
  for (const [i, left, top] of [[0, 0, 0], [1, 4, 0], [2, 8, 0], [3, 0, 3], [4, 4, 3]]) {
    for (const y of [0, 1]) for (const x of [0, 1, 2]) assert.equal(pixel(data, grid.width, left + x, top + y)[0], 6 * i + 3 * y + x);
  }
});
