// The section "Data to noise": rows that become noise while the slider moves, beside the share of the signal, the log-SNR, and the
// bits that are left.
import { chart } from "./chart.mjs";
import { colourByAngle, colourByClass } from "./colours.mjs";
import { LOG_SNR_SEEN } from "./curves.mjs";
import { film } from "./film.mjs";
import { classKey } from "./key.mjs";
import { addNoise } from "./motion.mjs";
import { formatNumber, interpolate, product } from "./numbers.mjs";
import { picturesPainter } from "./pictures.mjs";
import { pointsPainter } from "./points.mjs";
import { FIELDS } from "./sequences.mjs";
import { stage } from "./stage.mjs";
import { GREY } from "./theme.mjs";
import { reorder, unpack } from "./unpack.mjs";

// The words of the film at step n: readings(n), a list of short texts, and sentence(n) for a screen reader.
export const forwardWords = ({ n: steps, alpha_bar: signal, log_snr: level, bits }) => {
  const T = steps.length - 1, left = (n) => interpolate(bits.n, bits.left, n);
  const known = (n) => (level[n] !== null ? level[n] : n < T / 2 ? Infinity : -Infinity); // JSON has no infinity
  const readings = (n) => [
    `n = ${formatNumber(steps[n], 6)} of ${formatNumber(steps[T], 6)}`,
    `ᾱ = ${formatNumber(signal[n])}`,
    `log-SNR ${formatNumber(known(n))} nats`,
    ...(bits ? [left(n) === null ? "all bits left" : `${formatNumber(left(n))} bits left`] : []),
  ];
  const sentence = (n) => {
    const also = bits && left(n) !== null ? `, ${formatNumber(left(n))} bits left` : "";
    return `Step ${n} of ${T}: share of the signal ${formatNumber(signal[n])}${also}.`;
  };
  return { readings, sentence };
};

// The rows in the order in which they are drawn, their painter, and what they are.
const rowsToDraw = (forward, classes) => {
  const { shape } = forward.x0, count = shape[0], width = product(shape) / count;
  const x0 = unpack(forward.x0), eps = unpack(forward.eps);
  if (forward.show !== "points") {
    const note = forward.show === "images" ? `${count} images` : `${Math.min(count, FIELDS)} sequences`;
    return { x0, eps, painter: picturesPainter(forward.show, shape, forward.decode, x0), note };
  }
  const coloured = forward.labels ? colourByClass(forward.labels, classes.length) : colourByAngle(x0, width);
  if (forward.labels) classKey(document.getElementById("forward-key"), coloured, classes);
  return {
    x0: reorder(x0, coloured.order, width),
    eps: reorder(eps, coloured.order, width),
    painter: pointsPainter({ frame: forward.frame, axes: forward.axes, coloured, count }),
    note: `${formatNumber(count, 6)} points`,
  };
};

const charts = ({ n, alpha_bar, log_snr, bits }) => {
  const drawn = [
    chart("forward-signal", { x: n, over: "n", from: 0, marker: true, lines: [{ name: "ᾱ", y: alpha_bar, colour: "accent" }] }),
    chart("forward-snr", { x: n, over: "n", marker: true, within: LOG_SNR_SEEN, lines: [{ name: "log-SNR", y: log_snr, colour: "accent" }] }),
  ];
  if (!bits) return drawn;
  const lines = [
    { name: "by the model's error", y: bits.left, colour: "accent" },
    { name: "exact", y: bits.exact, colour: "c2", dash: [6, 4] },
    { name: "knowing only the covariance", y: bits.gaussian, colour: GREY, dash: [2, 3] },
  ];
  return [...drawn, chart("forward-bits", { x: bits.n, over: "n", from: 0, span: [0, n.length - 1], marker: true, lines })];
};

// Returns the film.
export const forwardSection = (forward, { classes, autoplay }) => {
  const { x0, eps, painter, note } = rowsToDraw(forward, classes);
  document.getElementById("forward-what").textContent = note;
  const x = new Float32Array(x0.length), picture = stage(document.getElementById("forward-stage"), painter);
  const curves = charts(forward), { readings, sentence } = forwardWords(forward);
  const show = (n) => {
    addNoise(x, forward.alpha[n], x0, forward.sigma[n], eps);
    picture.draw(x);
    curves.forEach((curve) => curve.mark(forward.n[n]));
  };
  const canvases = () => [[picture.canvas, `${note}: data with noise`]];
  return film("forward", { show, words: readings, spoken: sentence, canvases, autoplay });
};
