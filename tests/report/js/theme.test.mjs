import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, fakePage } from "./fakes.mjs";
import { followTheme, onThemeChange, palette } from "../../../src/unstir/report/js/theme.mjs";

test("colours are read now and again when the theme changes, before anything is drawn with them", () => {
  // Catches pictures that are redrawn in the old colours, spaces around a value, and a palette that is replaced (those who imported
  // the first would never see the second).
  const page = fakePage(), first = palette;
  followTheme();
  assert.deepEqual({ ...palette }, COLOURS);
  let seen = null;
  onThemeChange(() => (seen = palette.ink));
  page.colours = { ...COLOURS, ink: "#fafafa" };
  page.media["(prefers-color-scheme: dark)"].fire("change");
  assert.equal(seen, "#fafafa");
  assert.equal(palette, first);
});
