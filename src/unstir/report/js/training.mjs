// The section "The run": loss, learning rate and speed while training went on.
import { chart } from "./chart.mjs";
import { GREY } from "./theme.mjs";

// Two losses were measured at different steps. All steps in order, and spread(steps, values), which has null where nothing was
// measured.
export const together = (training, heldOut) => {
  const steps = [...new Set([...training, ...heldOut])].sort((a, b) => a - b), place = new Map(steps.map((step, i) => [step, i]));
  const spread = (some, values) => {
    const all = new Array(steps.length).fill(null);
    some.forEach((step, i) => (all[place.get(step)] = values[i]));
    return all;
  };
  return { steps, spread };
};

export const runSection = ({ metrics }) => {
  const { step, held_out: held } = metrics, { steps, spread } = together(step, held.step);
  const lines = [
    { name: "Gaussian baseline", y: steps.map(() => held.gaussian ?? null), colour: GREY, dash: [6, 4] },
    { name: "training", y: spread(step, metrics.loss), colour: "c2", width: 1.3, joined: true },
    { name: "held out", y: spread(held.step, held.loss), colour: "c1", dots: true },
  ];
  chart("run-loss", { x: steps, over: "step", logarithmic: true, lines });
  chart("run-lr", { x: step, over: "step", from: 0, lines: [{ name: "learning rate", y: metrics.lr, colour: "accent" }] });
  chart("run-speed", { x: step, over: "step", from: 0, lines: [{ name: "steps a second", y: metrics.speed, colour: "accent" }] });
};
