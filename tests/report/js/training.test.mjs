import assert from "node:assert/strict";
import test from "node:test";

import { chartHost, fakePage, fakePlots } from "./fakes.mjs";
import { runSection, together } from "../../../src/unstir/report/js/training.mjs";

test("losses measured at different steps share one axis", () => {
  // Catches steps sorted as text (10 before 9), a step twice, and held-out losses drawn at the wrong steps.
  const { steps, spread } = together([1, 9, 10], [5, 9, 100]);
  assert.deepEqual(steps, [1, 5, 9, 10, 100]);
  assert.deepEqual(spread([9, 100], [0.5, 0.4]), [null, null, 0.5, null, 0.4]);
  assert.deepEqual(spread([1, 9, 10], [3, null, 2]), [3, null, null, 2, null]); // a loss that was not finite
});

const shown = (heldOut) => {
  const hosts = { "run-loss": chartHost("Loss"), "run-lr": chartHost("Rate"), "run-speed": chartHost("Speed") };
  fakePage(hosts);
  const plots = fakePlots();
  runSection({ metrics: { step: [1, 2], loss: [4, 3], lr: [0.1, 0.2], speed: [50, 60], held_out: heldOut } });
  return { plots, names: hosts["run-loss"].next?.children.map((item) => item.children[1].textContent) };
};

test("loss, rate and speed each have their chart", () => {
  // Catches a rate in the place of the speed, and a line through held-out losses that hides how few there are.
  const { plots: [loss, rate, speed], names } = shown({ step: [2], loss: [3.5], gaussian: 5 });
  assert.deepEqual(loss.data, [[1, 2], [5, 5], [4, 3], [null, 3.5]]);
  assert.deepEqual(names, ["Gaussian baseline", "training", "held out"]);
  assert.equal(loss.options.scales.y.distr, 3);
  assert.equal(loss.options.series[3].points.show, true);
  assert.deepEqual([rate.data[1], speed.data[1]], [[0.1, 0.2], [50, 60]]);
  [rate, speed].forEach((plot) => assert.equal(plot.options.scales.y.range(null, 0.1, 60)[0], 0));
});

test("a run without a look at held-out rows shows its training loss", () => {
  // Catches a baseline at null, which would be drawn at 0.
  const { plots: [loss], names } = shown({ step: [], loss: [], gaussian: null });
  assert.deepEqual(loss.data, [[1, 2], [4, 3]]);
  assert.equal(names, undefined); // one line needs no key
});
