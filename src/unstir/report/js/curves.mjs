// Curves: what of a chart can be settled before anything is drawn - its lines, the ends of its axes, and its description in words.
//
// A line is {name, y, colour, width, dash, dots, steps, joined}: y has a number or null for each x.
import { formatNumber } from "./numbers.mjs";

export const LOG_SNR_SEEN = 14; // nats to either side of 0: beyond there is nothing but noise, or nothing but data

// The lines that have a value; on a logarithmic axis without those values that are not above zero.
export const drawable = (lines, logarithmic) => {
  const known = lines.filter((line) => line.y && line.y.some((value) => value !== null));
  return logarithmic ? known.map((line) => ({ ...line, y: line.y.map((value) => (value > 0 ? value : null)) })) : known;
};

// The ends of the axis of x: those of the data, unless a span is given.
export const acrossRange = (low, high, span) => span || (low === high ? [low - 1, high + 1] : [low, high]);

// The ends of the axis of y, with a little air. `from`: a value that has to be on it. `within`: what lies farther from zero than
// that is not shown, such as a log-SNR that goes to infinity.
export const upRange = (low, high, { logarithmic = false, from = null, within = Infinity }) => {
  if (low === null) return logarithmic ? [0.1, 1] : [0, 1];
  if (logarithmic) return [low / (high / low) ** 0.06 / 1.04, high * (high / low) ** 0.06 * 1.04];
  if (from !== null) return [Math.min(low, from), high + 0.06 * (high - Math.min(low, from)) || 1];
  const least = Math.max(low, -within), most = Math.min(high, within);
  const air = 0.05 * (most - least) || 0.5 * Math.abs(most) || 1;
  return [least - air, most + air];
};

// A chart in words, for those who do not see it.
export const describe = (caption, x, lines, over) => {
  const parts = lines.map(({ name, y }) => {
    const values = y.filter((value) => value !== null && value !== undefined);
    if (!values.length) return `${name}: no values`;
    const [first, last] = [values[0], values[values.length - 1]].map((value) => formatNumber(value));
    return `${name} from ${first} to ${last}, lowest ${formatNumber(Math.min(...values))}, highest ${formatNumber(Math.max(...values))}`;
  });
  return `${caption}, over ${over} from ${formatNumber(x[0])} to ${formatNumber(x[x.length - 1])}. ${parts.join("; ")}.`;
};
