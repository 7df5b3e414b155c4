// The section "Noise to data": the samplers side by side, all at the same noise level, with the density and the learned score behind
// them where these are known.
import { colourByAngle, colourByClass } from "./colours.mjs";
import { fieldPainter } from "./field.mjs";
import { film } from "./film.mjs";
import { classKey } from "./key.mjs";
import { blend, moments } from "./motion.mjs";
import { formatNumber, interpolate, product } from "./numbers.mjs";
import { picturesPainter } from "./pictures.mjs";
import { pointsPainter } from "./points.mjs";
import { stage } from "./stage.mjs";
import { reorder, unpack } from "./unpack.mjs";

// The words of the film at a place of the slider, which counts from noise, n = T, down to the samples, n = 0. The log-SNR is the
// forward process's where the page has one, or else it lies between the moments that a sampler kept (times that fall from 1 to 0).
export const reverseWords = (T, forward, { times, log_snr: levels }) => {
  const rising = [...times].reverse(), inOrder = [...levels].reverse();
  const level = (n) => {
    const known = forward ? forward.log_snr[n] : interpolate(rising, inOrder, n / T);
    return known !== null ? known : n < T / 2 ? Infinity : -Infinity; // JSON has no infinity
  };
  const readings = (place) => {
    const n = T - place;
    return [`n = ${formatNumber(n, 6)} of ${formatNumber(T, 6)}`, `t = ${formatNumber(n / T)}`, `log-SNR ${formatNumber(level(n))} nats`];
  };
  return { readings, sentence: (place) => `Step ${T - place} of ${T}, counted down to the samples.` };
};

// Every kept state (F of them, each with rows of `width` numbers) with its rows in another order.
export const reorderStates = (states, F, order, width) => {
  const size = states.length / F, sorted = new Float32Array(states.length);
  for (let f = 0; f < F; f++) sorted.set(reorder(states.subarray(f * size, (f + 1) * size), order, width), f * size);
  return sorted;
};

// The samples of the s-th sampler as points: their states, their painter, and what has to be done before they are drawn at time t.
const asPoints = (reverse, sampler, s, classes, background, shown) => {
  const [F, count] = sampler.states.shape, states = unpack(sampler.states), size = states.length / F, width = size / count;
  const coloured = sampler.labels
    ? colourByClass(sampler.labels, classes.length)
    : colourByAngle(states.subarray((F - 1) * size), width); // by where they end
  if (sampler.labels && s === 0) classKey(document.getElementById("reverse-key"), coloured, classes);
  let behind = null;
  const painter = pointsPainter({
    frame: reverse.frame,
    axes: reverse.axes,
    coloured,
    count,
    behind: (context, place) => behind && behind(context, place),
  });
  const before = (t) => (behind = background && background(t, shown));
  return { states: reorderStates(states, F, coloured.order, width), painter, before };
};

const asPictures = (reverse, sampler) => {
  const { shape } = sampler.states, states = unpack(sampler.states), size = product(shape.slice(1));
  const painter = picturesPainter(reverse.show, shape.slice(1), reverse.decode, states.subarray(states.length - size), 2);
  return { states, painter, before: () => {} };
};

// The samples of one sampler on their canvas: show(t) draws them at time t.
const samplesOnCanvas = (sampler, s, { states, painter, before }) => {
  const picture = stage(document.getElementById(`reverse-stage-${s}`), painter), { times } = sampler;
  const moment = new Float32Array(states.length / sampler.states.shape[0]);
  const show = (t) => {
    blend(moment, states, moments(times, t));
    before(t);
    picture.draw(moment);
  };
  return { show, canvas: picture.canvas, text: `${sampler.name}, ${formatNumber(sampler.states.shape[1], 6)} samples on the way` };
};

// Returns the film. `forward` is what the page knows of the forward process, or null.
export const reverseSection = (reverse, { forward, classes, autoplay }) => {
  const T = Number(document.getElementById("reverse-slider").max);
  const shown = { density: Boolean(reverse.field), arrows: false };
  const backgrounds = reverse.field && fieldPainter(reverse.field);
  const all = reverse.samplers.map((sampler, s) => {
    const drawn = reverse.show === "points"
      ? asPoints(reverse, sampler, s, classes, backgrounds && backgrounds(), shown)
      : asPictures(reverse, sampler);
    return samplesOnCanvas(sampler, s, drawn);
  });
  const longest = reverse.samplers.reduce((a, b) => (b.times.length > a.times.length ? b : a));
  const { readings, sentence } = reverseWords(T, forward, longest);
  const show = (place) => all.forEach((one) => one.show((T - place) / T));
  const canvases = () => all.map((one) => [one.canvas, one.text]);
  const playing = film("reverse", { show, words: readings, spoken: sentence, canvases, autoplay });
  ["density", "arrows"].forEach((what) => {
    const box = document.getElementById(`reverse-${what}`);
    if (!box) return;
    shown[what] = box.checked;
    box.addEventListener("change", () => {
      shown[what] = box.checked;
      playing.draw();
    });
  });
  playing.draw();
  return playing;
};
