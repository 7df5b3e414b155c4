import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, FakeElement, drawn, fakePage, filmElements, labels, packed } from "./fakes.mjs";
import { placement } from "../../../src/unstir/report/js/axes.mjs";
import { reorderStates, reverseSection, reverseWords } from "../../../src/unstir/report/js/reverse.mjs";

test("the film counts from noise down to the samples", () => {
  // Catches a film that starts with the samples.
  const forward = { log_snr: Array.from({ length: 1001 }, (_, n) => (n ? -n / 100 : null)) };
  const { readings, sentence } = reverseWords(1000, forward, { times: [1, 0], log_snr: [-9, 9] });
  assert.deepEqual(readings(0), ["n = 1000 of 1000", "t = 1", "log-SNR −10 nats"]);
  assert.deepEqual(readings(1000), ["n = 0 of 1000", "t = 0", "log-SNR ∞ nats"]);
  assert.equal(sentence(250), "Step 750 of 1000, counted down to the samples.");
});

test("without a forward process the log-SNR lies between the kept moments", () => {
  // Times fall, and interpolation needs them rising. Catches levels read in the wrong order.
  const { readings } = reverseWords(100, null, { times: [1, 0.5, 0], log_snr: [-8, 0, 4] });
  assert.equal(readings(25)[2], "log-SNR −4 nats"); // t = 0.75
  assert.equal(readings(75)[2], "log-SNR 2 nats"); // t = 0.25
});

test("every kept state gets the same order of rows", () => {
  // Two states of three rows of one number. Catches an order that is used for the first state only: points would jump.
  assert.deepEqual([...reorderStates(Float32Array.from([1, 2, 3, 10, 20, 30]), 2, [2, 0, 1], 1)], [3, 1, 2, 30, 10, 20]);
});

const sampler = (name, times, rows) => ({
  name, times, log_snr: times.map(() => 0), labels: null, states: packed(rows, [times.length, 1, 2], -1, 1),
});

const opened = (samplers, field = null, classes = []) => {
  const elements = { ...filmElements("reverse", 1000), "reverse-key": new FakeElement() };
  samplers.forEach((_, s) => (elements[`reverse-stage-${s}`] = new FakeElement("canvas")));
  if (field) Object.assign(elements, { "reverse-density": new FakeElement("input", { checked: true }), "reverse-arrows": new FakeElement("input") });
  fakePage(elements);
  const reverse = { show: "points", axes: ["x", "y"], frame: [-1, 1, -1, 1], decode: null, field, samplers };
  const film = reverseSection(reverse, { forward: null, classes, autoplay: false });
  const move = (place) => {
    elements["reverse-slider"].value = place;
    elements["reverse-slider"].fire("input");
  };
  const where = (s) => drawn(elements[`reverse-stage-${s}`], "moveTo").at(-1).args;
  return { elements, film, move, where };
};

test("samplers that kept different moments of one path stand at the same place", () => {
  // A straight path from (-1, 0) to (1, 0), kept at two moments and at four that are not evenly spaced. Catches states matched by
  // their number instead of their time.
  const few = sampler("few", [1, 0], [-1, 0, 1, 0]), many = sampler("many", [1, 0.9, 0.2, 0], [-1, 0, -0.8, 0, 0.6, 0, 1, 0]);
  const { move, where } = opened([few, many]), { across, up } = placement(400, 300, 1, [-1, 1, -1, 1]);
  for (const [place, x] of [[0, -1], [100, -0.8], [500, 0], [1000, 1]]) {
    move(place);
    for (const s of [0, 1]) assert.ok(Math.hypot(where(s)[0] - across(x), where(s)[1] - up(0)) < 0.05, `${place}, ${s}: ${where(s)}`);
  }
});

test("each canvas is described by its sampler's name and number of samples", async () => {
  const { elements } = opened([sampler("<one>", [1, 0], [-1, 0, 1, 0])]);
  await new Promise((done) => setTimeout(done, 450));
  assert.equal(elements["reverse-stage-0"].attributes["aria-label"], "<one>, 1 samples on the way. Step 1000 of 1000, counted down to the samples.");
});

test("a switch changes what is behind the points at once", () => {
  // Catches a switch that waits until the slider moves. The density and the arrows are pictures that are copied under the points.
  const field = {
    frame: [-1, 1, -1, 1], times: [1, 0], density: packed([1, 1, 1, 1, 1, 1, 1, 1], [2, 2, 2], 0, 1),
    arrows: packed(new Array(16).fill(1), [2, 2, 2, 2], -1, 1),
  };
  const { elements } = opened([sampler("one", [1, 0], [-1, 0, 1, 0])], field), canvas = elements["reverse-stage-0"];
  const behind = (name, checked) => {
    canvas.getContext().calls.length = 0;
    elements[`reverse-${name}`].checked = checked;
    elements[`reverse-${name}`].fire("change");
    return drawn(canvas, "drawImage").map(({ args }) => args[0]).slice(0, -1); // the last is the axes
  };
  const [both] = behind("arrows", true);
  assert.ok(drawn(both, "moveTo").length && drawn(both, "drawImage").length);
  const [arrows] = behind("density", false);
  assert.ok(drawn(arrows, "moveTo").length && !drawn(arrows, "drawImage").length);
  assert.deepEqual(behind("arrows", false), []);
});

test("images are blended as images", () => {
  // One image of 1 x 2 from black to white, shown from 0 to 1: grey in the middle. Catches the first state shown throughout.
  const elements = { ...filmElements("reverse", 1000), "reverse-stage-0": new FakeElement("canvas") }, page = fakePage(elements);
  const states = packed([0, 0, 1, 0], [2, 1, 1, 2], 0, 1);
  const samplers = [{ name: "one", times: [1, 0], log_snr: [0, 0], states }];
  reverseSection({ show: "images", decode: null, field: null, samplers }, { forward: null, classes: [], autoplay: false });
  elements["reverse-slider"].value = 400;
  elements["reverse-slider"].fire("input");
  const sheet = page.made.find((canvas) => drawn(canvas, "putImageData").length), put = drawn(sheet, "putImageData").at(-1);
  assert.deepEqual([put.args[0].data[0], put.args[0].data[4]], [102, 0]);
});

test("classes have one key for all samplers, and each point the colour of its class", () => {
  // The first sample is of class 1, on the right. Catches a key for each sampler, and points by where they end.
  const one = { ...sampler("one", [1, 0], []), states: packed([0, 0, 0, 0, 1, 0, -1, 0], [2, 2, 2], -1, 1), labels: labels([1, 0]) };
  const { elements, move } = opened([one, { ...one, name: "two" }], null, ["left", "right"]);
  const { across } = placement(400, 300, 1, [-1, 1, -1, 1]);
  move(1000);
  const [left, right] = drawn(elements["reverse-stage-1"], "moveTo").slice(-2);
  assert.deepEqual([left.state.strokeStyle, right.state.strokeStyle], [COLOURS.c1, COLOURS.c2]);
  assert.ok(left.args[0] < across(-0.9) && right.args[0] > across(0.9));
  assert.deepEqual(elements["reverse-key"].children.map((item) => item.children[1].textContent), ["left", "right"]);
});

test("without classes a point has the colour of the angle at which it ends", () => {
  // Two samples that start at the same place. Catches colours by the noise, in which no pattern can be seen.
  const one = { ...sampler("one", [1, 0], []), states: packed([0, 0, 0, 0, 0.5, 1, 0.5, -1], [2, 2, 2], -1, 1) };
  const { elements, move } = opened([one]), { up } = placement(400, 300, 1, [-1, 1, -1, 1]);
  move(1000);
  const [first, second] = drawn(elements["reverse-stage-0"], "moveTo").slice(-2).map(({ args }) => args[1]);
  assert.deepEqual(elements["reverse-key"].children, []); // colours that only follow a point need no names
  assert.ok(first > up(-0.9) && second < up(0.9)); // rising angle: the lower one first
});
