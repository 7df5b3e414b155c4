import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement, drawn, fakePage, packed } from "./fakes.mjs";
import { picturesPainter } from "../../../src/unstir/report/js/pictures.mjs";

const paint = (painter, values) => {
  const canvas = new FakeElement("canvas", { width: 100, height: 100 });
  painter.fit(100, 100, 1);
  painter.paint(canvas.getContext(), Float32Array.from(values));
  return canvas;
};

test("images are shown in the data's units, from its lowest to its highest value", () => {
  // The data is 0 to 200, the network saw -1 to 1: value = 100 + 100 x. Catches pictures in the network's units (all black).
  const page = fakePage();
  const decode = { shift: packed([100], [1], 0, 100), scale: packed([100], [1], 0, 100), low: 0, high: 200 };
  const painter = picturesPainter("images", [1, 1, 2], decode, Float32Array.from([-1, 1]));
  paint(painter, [-1, 0.2]);
  const [sheet] = page.made.filter(({ tag }) => tag === "canvas"), [put] = drawn(sheet, "putImageData");
  assert.deepEqual([put.args[0].data[0], put.args[0].data[4]], [0, 153]);
});

test("without a way back to the data, the range is that of the rows without noise", () => {
  // Catches a range of the noisy values, in which the picture loses its contrast as the noise comes.
  const page = fakePage(), painter = picturesPainter("images", [1, 1, 2], null, Float32Array.from([2, 4]));
  paint(painter, [3, 40]);
  const [put] = drawn(page.made[0], "putImageData");
  assert.deepEqual([put.args[0].data[0], put.args[0].data[4]], [128, 255]); // 127.5 is rounded to even
});

test("curves get half the range more at both ends", () => {
  // Clean values -1 to 1 are drawn from -2 to 2: -2 at the bottom. Catches noise that leaves the field at once.
  fakePage();
  const canvas = paint(picturesPainter("sequences", [1, 2, 1], null, Float32Array.from([-1, 1]), 1), [-2, 2]);
  assert.deepEqual(drawn(canvas, "lineTo").slice(1).map(({ args }) => args), [[0, 100], [100, 0]]);
});
