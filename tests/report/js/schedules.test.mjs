import assert from "node:assert/strict";
import test from "node:test";

import { chartHost, fakePage, fakePlots } from "./fakes.mjs";
import { scheduleLines, schedulesSection } from "../../../src/unstir/report/js/schedules.mjs";

const curve = (...values) => ({ alpha_bar: values, log_snr: values.map((value) => 100 * value) });

test("this run's schedule is named so, is thick, and is drawn last", () => {
  // Catches the chosen one under the others, and a colour that depends on where the chosen one stands in the list.
  const lines = scheduleLines({ chosen: "b", curves: { a: curve(1), b: curve(2), c: curve(3) } }, "alpha_bar");
  assert.deepEqual(lines.map(({ name, y, colour }) => [name, y, colour]), [["a", [1], "c1"], ["c", [3], "c2"], ["b, this run's", [2], "ink"]]);
  assert.ok(lines[2].width > lines[0].width);
});

test("more than six schedules can be told apart", () => {
  // Catches a seventh that looks like the first.
  const names = Array.from({ length: 14 }, (_, i) => `schedule ${i}`), curves = Object.fromEntries(names.map((name) => [name, curve(1)]));
  const looks = scheduleLines({ chosen: null, curves }, "alpha_bar").map(({ colour, dash }) => `${colour} ${dash}`);
  assert.equal(new Set(looks).size, 14);
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
