// The section "Which steps are hard": the error at each step of the chain, and by noise level.
import { chart } from "./chart.mjs";
import { GREY } from "./theme.mjs";

// A value for each step, and the last once more, for the right end of its step.
export const withEnd = (values) => values && [...values, values[values.length - 1]];

// The errors by log-SNR: known levels only, from noise to data.
export const byLevel = (levels) => {
  const known = levels.log_snr.map((_, i) => i).filter((i) => levels.log_snr[i] !== null);
  const order = known.sort((a, b) => levels.log_snr[a] - levels.log_snr[b]);
  return Object.fromEntries(Object.entries(levels).map(([name, values]) => [name, values && order.map((i) => values[i])]));
};

const baseline = (name, y) => ({ name, y, colour: GREY, dash: [6, 4] });
const training = (y) => ({ name: "training", y, colour: "c2" });
const heldOut = (y) => ({ name: "held out", y, colour: "c1" });
const best = (y) => ({ name: "best possible", y, colour: "c3", dash: [2, 3] });
const stepped = (lines) => lines.map((line) => ({ ...line, y: withEnd(line.y), steps: true }));

export const hardSection = (hard) => {
  chart("hard-eps", {
    x: hard.n, over: hard.unit, from: 0,
    lines: stepped([baseline("Gaussian baseline", hard.gaussian_eps), training(hard.training_eps), heldOut(hard.held_out_eps)]),
  });
  chart("hard-x0", {
    x: hard.n, over: hard.unit, logarithmic: true,
    lines: stepped([baseline("Gaussian baseline", hard.gaussian_x0), heldOut(hard.held_out_x0), best(hard.best_x0)]),
  });
  if (!hard.levels) return;
  const levels = byLevel(hard.levels);
  chart("hard-levels", {
    x: levels.log_snr, over: "log-SNR in nats", logarithmic: true,
    lines: [
      baseline("knowing only the variance", levels.variance_only),
      training(levels.training),
      heldOut(levels.held_out),
      best(levels.best),
    ],
  });
};
