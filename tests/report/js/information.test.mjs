import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement, chartHost, drawn, fakePage, fakePlots, packed } from "./fakes.mjs";
import { informationSection, panelsOf } from "../../../src/unstir/report/js/information.mjs";

const NAMES = ["information-rows", "information-noisy-0", "information-guess-0"];
const canvases = () => Object.fromEntries(NAMES.map((name) => [name, new FakeElement("canvas")]));
const section = (show, shape, rows, more = {}) => ({
  curve: null, equal: "covariance",
  pictures: {
    show, axes: ["x", "y"], frame: [-2, 2, -2, 2], decode: null, rows: packed(rows, shape, 0, 1),
    panels: [{ log_snr: 0, bits: 1, noisy: packed(rows, shape, 0, 1), guess: packed(rows.map((value) => value / 2), shape, 0, 1) }],
  },
  ...more,
});

test("the curve has the model and the Gaussian beside it, over the log-SNR", () => {
  // Catches the two curves under each other's names.
  const host = chartHost("curve");
  fakePage({ "information-curve": host, ...canvases() });
  const plots = fakePlots();
  const curve = { log_snr: [-1, 1], bits_per_unit: [0.1, 0.2], gaussian_bits_per_unit: [0.3, 0.4] };
  informationSection(section("points", [2, 2], [0, 1, 1, 0], { curve, equal: "variances" }));
  assert.deepEqual(plots[0].data, [[-1, 1], [0.1, 0.2], [0.3, 0.4]]);
  assert.deepEqual(host.next.children.map((item) => item.children[1].textContent), ["the model", "Gaussian of equal variances"]);
});

test("without bits there are pictures, and no curve", () => {
  for (const [show, shape] of [["points", [2, 2]], ["images", [1, 2, 2]], ["sequences", [1, 4, 1]]]) {
    const held = canvases();
    fakePage(held);
    const plots = fakePlots();
    informationSection(section(show, shape, [0, 1, 1, 0]));
    assert.equal(plots.length, 0);
    const what = { points: "stroke", images: "drawImage", sequences: "stroke" }[show];
    for (const name of NAMES) assert.ok(drawn(held[name], what).length > 0, `${show} ${name}`);
  }
});

test("a guess stands under the number of its noisy rows", () => {
  // Catches the guess of one level below the noise of another.
  const { pictures } = section("points", [1, 2], [0, 1]);
  assert.deepEqual(panelsOf(pictures).map(([id]) => id), NAMES);
  assert.equal(panelsOf(pictures)[2][1], pictures.panels[0].guess);
});
