import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement, fakePage } from "./fakes.mjs";
import { hiddenCanvas, stage } from "../../../src/unstir/report/js/stage.mjs";
import { followTheme } from "../../../src/unstir/report/js/theme.mjs";

const painter = () => {
  const done = [];
  return { done, fit: (...size) => done.push(["fit", ...size]), paint: (_, moment) => done.push(["paint", moment]), aspect: "3 / 1" };
};

test("a canvas has as many pixels as the screen, and its painter is told before it paints", () => {
  // Catches a canvas of CSS pixels, which is blurred on a screen of two pixels each.
  fakePage({}, { scale: 2 });
  const canvas = new FakeElement("canvas", { clientWidth: 200.4, clientHeight: 100 }), one = painter();
  stage(canvas, one).draw("a");
  assert.deepEqual([canvas.width, canvas.height], [401, 200]);
  assert.deepEqual(one.done, [["fit", 401, 200, 2], ["paint", "a"]]);
  assert.equal(canvas.style.aspectRatio, "3 / 1");
});

test("the last moment is shown again after a change of size or theme", () => {
  // Catches an empty canvas after the window was made smaller (a canvas forgets its picture with its size), and the first moment.
  const page = fakePage(), canvas = new FakeElement("canvas"), one = painter();
  followTheme();
  const shown = stage(canvas, one);
  shown.draw("a");
  shown.draw("b");
  one.done.length = 0;
  canvas.clientWidth = 120;
  page.sized.find(({ target }) => target === canvas).resized();
  page.media["(prefers-color-scheme: dark)"].fire("change");
  assert.deepEqual(one.done, [["fit", 120, 300, 1], ["paint", "b"], ["fit", 120, 300, 1], ["paint", "b"]]);
});

test("a canvas that is not in sight yet is painted when it gets a size", () => {
  // Catches a painter that is asked to paint before it knows a size.
  const page = fakePage(), canvas = new FakeElement("canvas", { clientWidth: 0, clientHeight: 0, width: 0 }), one = painter();
  stage(canvas, one).draw("a");
  assert.deepEqual(one.done, []);
  canvas.clientWidth = 50; // a width and no height: nothing to paint on yet
  page.sized[0].resized();
  assert.deepEqual(one.done, []);
  Object.assign(canvas, { clientWidth: 50, clientHeight: 50 });
  page.sized[0].resized();
  assert.deepEqual(one.done, [["fit", 50, 50, 1], ["paint", "a"]]);
});

test("a hidden canvas has at least one pixel", () => {
  // A canvas of none cannot be copied from: the browser throws.
  fakePage();
  assert.deepEqual([hiddenCanvas(0, 7).width, hiddenCanvas(0, 7).height, hiddenCanvas(7, 0).height], [1, 7, 1]);
});
