import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, FakeElement, close, drawn, fakePage, labels, packed } from "./fakes.mjs";
import { placement } from "../../../src/unstir/report/js/axes.mjs";
import { answerSection, bothSides, frameAround } from "../../../src/unstir/report/js/answer.mjs";

const sampler = (rows, more = {}) => ({ name: "quick", colour: "c5", evaluations: 10, labels: null, states: packed(rows, [2, rows.length / 4, 2], -9, 9), ...more });
const forward = (rows, more = {}) => ({ labels: null, x0: packed(rows, [rows.length / 2, 2], -9, 9), ...more });

test("the samples are the last state of a path, as many as there are rows of the data", () => {
  // Catches the first state, which is noise, and a cloud that looks denser because it has more points.
  const [data, samples] = bothSides(forward([1, 2, 3, 4, 5, 6]), sampler([9, 9, 9, 9, 1, 0, 0, 1]));
  assert.deepEqual([data.count, samples.count], [2, 2]);
  assert.ok(close([...samples.values].map(Math.round), [1, 0, 0, 1]));
  assert.ok(close([...data.values].map(Math.round), [1, 2, 3, 4]));
});

test("the frame is a square where both axes have one unit, and else fits each axis", () => {
  // Catches points that fill a fifth of the frame of a table, and a circle that is drawn as an ellipse.
  const points = [0, 0, 10, 1];
  assert.ok(close(frameAround(points, true), [-0.6, 10.6, -5.1, 6.1]));
  assert.ok(close(frameAround(points, false), [-0.6, 10.6, -0.06, 1.06]));
  assert.ok(frameAround([3, 3], false).every(Number.isFinite));
});

const opened = (forward, reverse, more = {}) => {
  const names = ["answer-data", "answer-samples"];
  const elements = { "answer-key": new FakeElement("ul") };
  names.forEach((name) => Object.assign(elements, { [name]: new FakeElement("canvas"), [`${name}-what`]: new FakeElement() }));
  fakePage(elements);
  answerSection({ forward, reverse, classes: [], kind: "points", ...more });
  return elements;
};

test("data and samples are drawn in one frame", () => {
  // Catches two frames, in which equal clouds look different.
  const reverse = { show: "points", axes: ["x", "y"], decode: null, samplers: [sampler([0, 0, 0, 0, 1, 1, 3, 3])] };
  const elements = opened(forward([1, 1, 5, 5]), reverse);
  const { across, up } = placement(400, 300, 1, frameAround([1, 1, 5, 5], true));
  for (const name of ["answer-data", "answer-samples"]) {
    const { args } = drawn(elements[name], "moveTo").find(({ args }) => Math.abs(args[0] - across(1)) < 0.5);
    assert.ok(Math.abs(args[1] - up(1)) < 0.5, name);
  }
  const hue = (name) => drawn(elements[name], "moveTo")[0].state.strokeStyle;
  assert.deepEqual([hue("answer-data"), hue("answer-samples")], [COLOURS.soft, COLOURS.c5]); // the samples in their sampler's colour
  assert.equal(elements["answer-samples-what"].textContent, "2 points, 10 evaluations each");
  assert.equal(elements["answer-data-what"].textContent, "2 points");
});

test("classes have one colour on both sides, and their names are in the key once", () => {
  const classes = ["<no>", "yes"], ids = labels([1, 0]);
  const reverse = { show: "points", axes: ["x", "y"], decode: null, samplers: [sampler([0, 0, 0, 0, 1, 1, 3, 3], { labels: ids })] };
  const elements = opened(forward([1, 1, 5, 5], { labels: ids }), reverse, { classes });
  assert.deepEqual(elements["answer-key"].children.map((item) => item.children[1].textContent), classes);
  for (const name of ["answer-data", "answer-samples"]) {
    assert.deepEqual(drawn(elements[name], "stroke").slice(-2).map(({ state }) => state.strokeStyle), [COLOURS.c1, COLOURS.c2], name);
  }
});

test("images are drawn as images", () => {
  const image = (value) => packed([value, value, value, value], [1, 2, 2], -1, 1);
  const states = packed([0, 0, 0, 0, 1, 1, 1, 1], [2, 1, 2, 2], -1, 1);
  const reverse = { show: "images", axes: [], decode: null, samplers: [{ ...sampler([0, 0, 0, 0]), states }] };
  const elements = opened({ labels: null, x0: image(1) }, reverse, { kind: "images" });
  assert.equal(elements["answer-samples-what"].textContent, "1 images, 10 evaluations each");
  assert.ok(drawn(elements["answer-samples"], "drawImage").length > 0);
});
