import assert from "node:assert/strict";
import test from "node:test";

import { chartHost, fakePage, fakePlots } from "./fakes.mjs";
import { byLevel, hardSection, withEnd } from "../../../src/unstir/report/js/hard.mjs";

test("a step's last value stands at both of its ends", () => {
  // Catches a stair whose last step is missing: there are as many edges as values and one more.
  assert.deepEqual(withEnd([3, 4]), [3, 4, 4]);
  assert.equal(withEnd(null), null);
});

test("errors by level go from noise to data, without levels that are infinite", () => {
  // Catches values that stay in the old order, and null counted as level 0.
  const sorted = byLevel({ log_snr: [2, null, -5], held_out: [0.1, 0.2, 0.9], training: null });
  assert.deepEqual(sorted, { log_snr: [-5, 2], held_out: [0.9, 0.1], training: null });
});

const hard = (more = {}) => ({
  n: [0, 10, 20], unit: "n", gaussian_eps: [1, 2], training_eps: [0.3, 0.4], held_out_eps: [0.5, 0.6], gaussian_x0: [3, 4],
  held_out_x0: [0.7, 0.8], best_x0: null, levels: null, ...more,
});
const shown = (contents) => {
  const hosts = { "hard-eps": chartHost("eps"), "hard-x0": chartHost("x0"), "hard-levels": chartHost("levels") };
  fakePage(hosts);
  const plots = fakePlots();
  hardSection(contents);
  return { plots, names: (id) => hosts[id].next.children.map((item) => item.children[1].textContent) };
};

test("each chart has its own errors, as stairs, the data's on a logarithmic axis", () => {
  // Catches errors of the noise under the name of the data's, and a best possible error that nobody knows.
  const { plots: [eps, x0], names } = shown(hard());
  assert.deepEqual(eps.data, [[0, 10, 20], [1, 2, 2], [0.3, 0.4, 0.4], [0.5, 0.6, 0.6]]);
  assert.deepEqual(names("hard-eps"), ["Gaussian baseline", "training", "held out"]);
  assert.deepEqual(x0.data, [[0, 10, 20], [3, 4, 4], [0.7, 0.8, 0.8]]);
  assert.deepEqual(names("hard-x0"), ["Gaussian baseline", "held out"]);
  assert.equal(eps.options.scales.y.range(null, 0.3, 2)[0], 0);
  assert.deepEqual([eps.options.scales.y.distr, x0.options.scales.y.distr], [1, 3]);
  assert.ok(eps.options.series.slice(1).every(({ paths }) => paths.stepped));
});

test("the chart by level is there where levels were measured", () => {
  const levels = { log_snr: [1, -1], held_out: [0.1, 0.2], training: [0.3, 0.4], variance_only: [0.5, 0.6], best: [0.01, 0.02] };
  const { plots, names } = shown(hard({ levels }));
  assert.deepEqual(plots[2].data, [[-1, 1], [0.6, 0.5], [0.4, 0.3], [0.2, 0.1], [0.02, 0.01]]);
  assert.deepEqual(names("hard-levels"), ["knowing only the variance", "training", "held out", "best possible"]);
  assert.equal(shown(hard()).plots.length, 2);
});
