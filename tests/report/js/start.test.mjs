import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement, chartHost, drawn, fakePage, fakePlots, filmElements, packed } from "./fakes.mjs";

const START = "../../../src/unstir/report/js/start.mjs";

// start.mjs does its work when it is loaded. A query makes node load it once more.
let loads = 0;
const opened = async (contents, elements = {}) => {
  const page = fakePage({ contents: new FakeElement("script", { textContent: JSON.stringify(contents) }), ...elements });
  const plots = fakePlots();
  await import(`${START}?${loads++}`);
  return { page, plots };
};
const schedules = { t: [0, 1], chosen: "a", curves: { a: { alpha_bar: [1, 0], log_snr: [9, -9] } } };
const schedulesHosts = () => ({ "schedules-signal": chartHost(), "schedules-snr": chartHost() });
const forward = (more = {}) => ({
  n: [0, 1], alpha: [1, 0], sigma: [0, 1], alpha_bar: [1, 0], log_snr: [null, null], show: "points", axes: ["x", "y"],
  frame: [-2, 2, -2, 2], decode: null, labels: null, bits: null, x0: packed([1, 0], [1, 2], -1, 1), eps: packed([0, 1], [1, 2], -1, 1), ...more,
});
const forwardElements = () => ({
  ...filmElements("forward", 1),
  "forward-stage": new FakeElement("canvas"), "forward-what": new FakeElement(), "forward-key": new FakeElement(),
  "forward-signal": chartHost(), "forward-snr": chartHost(),
});

test("a page draws the sections that it has, and no others", async () => {
  // Catches a page of a comparison, which has no run and no data, that stops at the first section it lacks.
  const { plots } = await opened({ schedules, data: null, forward: null, good: { neighbours: null } }, schedulesHosts());
  assert.equal(plots.length, 2);
});

test("a page of a run that failed at once has nothing to draw", async () => {
  assert.equal((await opened({ status: "failed" })).plots.length, 0);
  assert.equal((await opened({ good: { neighbours: { show: "points", pairs: [] } } })).plots.length, 0);
});

test("the films' drawing times can be read", async () => {
  // The test of speed in a browser reads them, and empties the list. Catches a copy of the list.
  const elements = forwardElements();
  await opened({ status: "finished", forward: forward() }, elements);
  const kept = window.unstirSpent.forward;
  assert.equal(kept.length, 1);
  elements["forward-slider"].fire("input");
  assert.equal(kept.length, 2);
});

test("a film does not start by itself on the page of a running training", async () => {
  // It would keep the page from reading itself again.
  for (const [status, plays] of [["running", "Play"], ["finished", "Pause"]]) {
    const elements = { ...forwardElements(), "forward-play": new FakeElement("button", { textContent: "Play" }) };
    const { page } = await opened({ status, forward: forward() }, elements);
    page.comeIntoView(elements["forward-film"]);
    assert.equal(elements["forward-play"].textContent, plays, status);
  }
});

test("classes have the names that the data has", async () => {
  const elements = forwardElements(), labelled = forward({ labels: { shape: [1], type: "uint8", low: 0, high: 255, b64: "AQ==" } });
  await opened({ data: { classes: ["no", "yes"] }, forward: labelled }, elements);
  assert.deepEqual(elements["forward-key"].children.map((item) => item.children[1].textContent), ["yes"]);
});

test("neighbours have the axes of the data, or x and y where the page does not know them", async () => {
  const good = { neighbours: { show: "points", pairs: [{ sample: [0, 0], nearest: [1, 1] }] } };
  const names = async (contents, more) => {
    const { page } = await opened({ good, ...contents }, { neighbours: new FakeElement("canvas"), "neighbours-key": new FakeElement(), ...more });
    return new Set(page.made.flatMap((canvas) => (canvas.tag === "canvas" ? drawn(canvas, "fillText").map(({ args }) => args[0]) : [])));
  };
  const known = await names({ forward: forward({ axes: ["width", "height"] }) }, forwardElements()), unknown = await names({});
  assert.ok(known.has("width") && known.has("height") && !known.has("x"));
  assert.ok(unknown.has("x") && unknown.has("y"));
});
