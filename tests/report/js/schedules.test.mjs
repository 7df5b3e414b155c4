import assert from "node:assert/strict";
import test from "node:test";

import { chartHost, fakePage, fakePlots } from "./fakes.mjs";
import { scheduleLines, schedulesSection } from "../../../src/unstir/report/js/schedules.mjs";

const curve = (...values) => ({ alpha_bar: values, log_snr: values.map((value) => 100 * value), colour: "c4", dash: null });

test("each schedule has the look of its name, whatever stands beside it; this run's is broad and below the others", () => {
  // Catches colours by the order in the list, the chosen one in a colour of its own, and a broad line that hides the others.
  const looks = { a: { colour: "c3", dash: [8, 4] }, b: { colour: "c9", dash: null } };
  const curves = { c: curve(1), a: { ...curve(2), ...looks.a }, b: { ...curve(3), ...looks.b } };
  const lines = scheduleLines({ chosen: "b", curves }, "alpha_bar");
  assert.deepEqual(lines.map(({ name, y, colour, dash }) => [name, y, colour, dash]), [
    ["b, this run's", [3], "c9", undefined], ["c", [1], "c4", undefined], ["a", [2], "c3", [8, 4]],
  ]);
  assert.ok(lines[0].width > lines[1].width);
});

test("a schedule that has the name of an object's own function is only a name", () => {
  // Catches a chosen name that is found on every object.
  assert.deepEqual(scheduleLines({ chosen: "toString", curves: { a: curve(1) } }, "alpha_bar").map(({ name }) => name), ["a"]);
});

test("the signal starts at zero; the log-SNR is seen up to 14 nats", () => {
  // Catches the two charts exchanged.
  fakePage({ "schedules-signal": chartHost(), "schedules-snr": chartHost() });
  const [signal, level] = ((plots) => (schedulesSection({ t: [0, 1], chosen: "a", curves: { a: curve(0.9, 0.1) } }), plots))(fakePlots());
  assert.deepEqual(signal.data, [[0, 1], [0.9, 0.1]]);
  assert.equal(signal.options.scales.y.range(null, 0.1, 0.9)[0], 0);
  assert.ok(level.options.scales.y.range(null, 10, 90)[1] < 15);
});
