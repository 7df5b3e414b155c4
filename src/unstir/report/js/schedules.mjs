// The section "Schedules": how the signal fades under each schedule, with the one that was used as a broad line.
import { chart } from "./chart.mjs";
import { LOG_SNR_SEEN } from "./curves.mjs";

// The lines of what = "alpha_bar" or "log_snr", each in the colour and the dashes of its name. The chosen one is first, below the others:
// some pairs, such as linear and vp, are the same curve, and no line may hide another.
export const scheduleLines = ({ chosen, curves }, what) => {
  const names = Object.keys(curves), first = names.filter((name) => name === chosen);
  return [...first, ...names.filter((name) => name !== chosen)].map((name) => ({
    name: name === chosen ? `${name}, this run's` : name,
    y: curves[name][what],
    colour: curves[name].colour,
    width: name === chosen ? 4.5 : 1.8,
    dash: curves[name].dash || undefined,
  }));
};

export const schedulesSection = (schedules) => {
  chart("schedules-signal", { x: schedules.t, over: "t", from: 0, lines: scheduleLines(schedules, "alpha_bar") });
  chart("schedules-snr", { x: schedules.t, over: "t", within: LOG_SNR_SEEN, lines: scheduleLines(schedules, "log_snr") });
};
