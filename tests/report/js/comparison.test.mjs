import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, FakeElement, drawn, fakePage, packed } from "./fakes.mjs";
import { comparisonSection } from "../../../src/unstir/report/js/comparison.mjs";

test("each panel has its own points; the first, the true rows, is grey", () => {
  // Catches the same rows in each panel, and panels of the second picture on the canvases of the first.
  const names = ["cloud-0-0", "cloud-0-1", "cloud-1-0"], canvases = Object.fromEntries(names.map((name) => [name, new FakeElement("canvas")]));
  fakePage(canvases);
  const panel = (...rows) => ({ rows: packed(rows, [rows.length / 2, 2], -1, 1) });
  const cloud = (...panels) => ({ frame: [-1, 1, -1, 1], axes: ["x", "y"], panels });
  comparisonSection({ clouds: [cloud(panel(0, 0), panel(0, 0, 0.5, 0.5)), cloud(panel(0, 0, 0, 0, 0, 0))] });
  const dots = names.map((name) => drawn(canvases[name], "moveTo"));
  assert.deepEqual(dots.map(({ length }) => length), [1, 2, 3]);
  assert.deepEqual(dots.map(([{ state }]) => state.strokeStyle), [COLOURS.soft, COLOURS.accent, COLOURS.soft]);
});

test("a comparison without pictures has none", () => {
  fakePage();
  comparisonSection({ clouds: null });
});
