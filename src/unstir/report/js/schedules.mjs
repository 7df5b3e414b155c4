// The section "Schedules": how the signal fades under each schedule, with the one that was used on top.
import { chart } from "./chart.mjs";
import { LOG_SNR_SEEN } from "./curves.mjs";

const DASHES = [undefined, [8, 4], [2, 3]]; // for the first six, the next six, and the six after those

// The lines of what = "alpha_bar" or "log_snr", the chosen schedule last, which is drawn over the others.
export const scheduleLines = ({ chosen, curves }, what) => {
  const others = Object.keys(curves).filter((name) => name !== chosen);
  const lines = others.map((name, i) => ({
    name,
    y: curves[name][what],
    colour: `c${(i % 6) + 1}`,
    width: 1.8,
    dash: DASHES[Math.floor(i / 6) % 3],
  }));
  if (Object.hasOwn(curves, chosen)) lines.push({ name: `${chosen}, this run's`, y: curves[chosen][what], colour: "ink", width: 3 });
  return lines;
};

export const schedulesSection = (schedules) => {
  chart("schedules-signal", { x: schedules.t, over: "t", from: 0, lines: scheduleLines(schedules, "alpha_bar") });
  chart("schedules-snr", { x: schedules.t, over: "t", within: LOG_SNR_SEEN, lines: scheduleLines(schedules, "log_snr") });
};
