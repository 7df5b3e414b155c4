// Colours: one for each class, or one for each angle about the centre, so that a point can be followed with the eye.
import { palette } from "./theme.mjs";
import { unpack } from "./unpack.mjs";

const AROUND = ["c1", "c6", "c3", "c2", "c4", "c5", "c1"]; // blue, light blue, green, yellow, red, pink, and blue again
const HUES = 24;

// Red, green and blue of "#rrggbb", from 0 to 255.
export const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// The colour at a share, from 0 to 1, of a circle of colours that ends where it starts.
export const wheel = (share) => {
  const stops = AROUND.map((name) => rgb(palette[name]));
  const place = Math.min(share, 0.9999) * 6, i = Math.floor(place), rest = place - i;
  return `rgb(${stops[i].map((low, k) => Math.round(low + rest * (stops[i + 1][k] - low))).join(",")})`;
};

// The colour of the i-th of `count` things, counted from 0: up to ten have the colours of the figures.
export const nthColour = (i, count) => (count <= 10 ? palette[`c${i + 1}`] : wheel(i / count));

// A colouring says who has which colour: `order` puts rows of one colour next to each other; each of `groups` has the rows from
// `from` up to `to` of that order, and a function for its colour, since the theme may change.
const colouring = (order, nameOf, colourOf) => {
  const groups = [];
  order.forEach((row, place) => {
    const name = nameOf(row), last = groups[groups.length - 1];
    if (last && last.name === name) last.to = place + 1;
    else groups.push({ name, from: place, to: place + 1, colour: () => colourOf(name) });
  });
  return { order, groups };
};

// By class. `labels` is a packed array of whole numbers, `known` how many classes have names.
export const colourByClass = (labels, known) => {
  const classOf = unpack(labels).map(Math.round), count = classOf.reduce((most, label) => Math.max(most, label + 1), known);
  const order = [...classOf.keys()].sort((a, b) => classOf[a] - classOf[b]);
  return colouring(order, (row) => classOf[row], (label) => nthColour(label, count));
};

// By the angle of the first two numbers of a row about the centre of all rows, in 24 hues that have equally many rows.
export const colourByAngle = (points, width) => {
  const count = points.length / width, centre = [0, 0];
  for (let i = 0; i < count; i++) for (let k = 0; k < 2; k++) centre[k] += points[i * width + k] / count;
  const angle = Array.from({ length: count }, (_, i) => Math.atan2(points[i * width + 1] - centre[1], points[i * width] - centre[0]));
  const order = angle.map((_, i) => i).sort((a, b) => angle[a] - angle[b]);
  const rank = new Int32Array(count);
  order.forEach((row, place) => (rank[row] = place));
  return colouring(order, (row) => Math.floor((rank[row] / count) * HUES), (hue) => wheel((hue + 0.5) / HUES));
};

export const oneColour = (count, name) => {
  const order = Array.from({ length: count }, (_, i) => i);
  return { order, groups: [{ from: 0, to: count, colour: () => palette[name] }] };
};
