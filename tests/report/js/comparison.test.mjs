import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, FakeElement, drawn, fakePage, packed } from "./fakes.mjs";
import { comparisonSection } from "../../../src/unstir/report/js/comparison.mjs";

test("each panel has its own points, in its own colour", () => {
  // Catches the same rows in each panel, one colour for all samples, and panels of the second picture on the canvases of the first.
  const names = ["samples-0-0", "samples-0-1", "samples-1-0"], canvases = Object.fromEntries(names.map((name) => [name, new FakeElement("canvas")]));
  fakePage(canvases);
  const panel = (colour, ...rows) => ({ colour, rows: packed(rows, [rows.length / 2, 2], -1, 1) });
  const cloud = (...panels) => ({ show: "points", frame: [-1, 1, -1, 1], axes: ["x", "y"], panels });
  comparisonSection({ samples: [cloud(panel("soft", 0, 0), panel("c3", 0, 0, 0.5, 0.5)), cloud(panel("soft", 0, 0, 0, 0, 0, 0))] });
  const dots = names.map((name) => drawn(canvases[name], "moveTo"));
  assert.deepEqual(dots.map(({ length }) => length), [1, 2, 3]);
  assert.deepEqual(dots.map(([{ state }]) => state.strokeStyle), [COLOURS.soft, COLOURS.c3, COLOURS.soft]);
});

test("a comparison without pictures has none", () => {
  fakePage();
  comparisonSection({ samples: null });
});

test("images are shown as images and sequences as curves, all panels in one range of values", () => {
  // Catches points in the place of pictures, and a panel that is made brighter than the one beside it.
  const names = ["samples-0-0", "samples-1-0"], canvases = Object.fromEntries(names.map((name) => [name, new FakeElement("canvas")]));
  fakePage(canvases);
  const way = (show, shape, values) => ({ show, span: [0, 10], panels: [{ rows: packed(values, shape, 0, 10) }] });
  comparisonSection({ samples: [way("images", [1, 1, 2], [0, 5]), way("sequences", [1, 3, 1], [0, 5, 10])] });
  assert.equal(drawn(canvases["samples-0-0"], "drawImage").length, 1);
  assert.equal(drawn(canvases["samples-0-0"], "moveTo").length, 0);
  const heights = drawn(canvases["samples-1-0"], "lineTo").slice(1).map(({ args }) => args[1]);
  assert.equal(heights.length, 3);
  assert.ok(heights[0] > heights[1] && heights[1] > heights[2]);
});
