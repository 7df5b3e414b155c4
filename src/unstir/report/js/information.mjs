// The section "Information": the curve of bits by noise level, and what is left of a few rows at some of the levels.
import { chart } from "./chart.mjs";
import { colourByAngle } from "./colours.mjs";
import { picturesPainter } from "./pictures.mjs";
import { pointsPainter } from "./points.mjs";
import { stage } from "./stage.mjs";
import { GREY } from "./theme.mjs";
import { reorder, unpack } from "./unpack.mjs";

// Draws rows of one panel: painter(shape) makes the painter, and ordered(values) puts the values in the order in which it draws them.
const drawing = ({ show, frame, axes, decode, rows }) => {
  const clean = unpack(rows);
  if (show !== "points") return { painter: (shape) => picturesPainter(show, shape, decode, clean, show === "images" ? 3 : 1), ordered: (values) => values };
  const [count, width] = rows.shape, coloured = colourByAngle(clean, width);
  return { painter: () => pointsPainter({ frame, axes, coloured, count }), ordered: (values) => reorder(values, coloured.order, width) };
};

// The panels [id, packed rows] of the pictures, the rows without noise first.
export const panelsOf = ({ rows, panels }) => [
  ["information-rows", rows],
  ...panels.flatMap(({ noisy, guess }, i) => [[`information-noisy-${i}`, noisy], [`information-guess-${i}`, guess]]),
];

export const informationSection = ({ curve, equal, pictures }) => {
  if (curve) {
    chart("information-curve", {
      x: curve.log_snr, over: "log-SNR in nats", from: 0,
      lines: [
        { name: "the model", y: curve.bits_per_unit, colour: "accent" },
        { name: `Gaussian of equal ${equal}`, y: curve.gaussian_bits_per_unit, colour: GREY, dash: [2, 3] },
      ],
    });
  }
  const { painter, ordered } = drawing(pictures);
  for (const [id, packed] of panelsOf(pictures)) stage(document.getElementById(id), painter(packed.shape)).draw(ordered(unpack(packed)));
};
