// The section "Is it good, is it honest": rows of the data beside samples, as many of each and drawn in the same way.
import { colourByClass, oneColour } from "./colours.mjs";
import { classKey } from "./key.mjs";
import { extent, formatNumber, product } from "./numbers.mjs";
import { picturesPainter } from "./pictures.mjs";
import { pointsPainter } from "./points.mjs";
import { stage } from "./stage.mjs";
import { reorder, unpack } from "./unpack.mjs";

// The rows of the data, and the last state of the quickest sampler: { values, labels, count, width, shape } of each.
export const bothSides = (forward, sampler) => {
  const states = unpack(sampler.states), [F, ...shape] = sampler.states.shape, size = states.length / F;
  const sides = [
    { values: unpack(forward.x0), labels: forward.labels, shape: forward.x0.shape },
    { values: states.subarray(states.length - size), labels: sampler.labels, shape },
  ];
  const count = Math.min(...sides.map((side) => side.shape[0]));
  return sides.map(({ values, labels, shape: [n, ...rest] }) => {
    const width = product(rest);
    const few = labels && n > count ? { ...labels, shape: [count], b64: btoa(atob(labels.b64).slice(0, count)) } : labels;
    return { values: values.subarray(0, count * width), labels: few, count, width, shape: [count, ...rest] };
  });
};

// A frame [x0, x1, y0, y1] about points (n, 2), with a little air. `alike`: across and up are the same unit, so the frame is a square.
export const frameAround = (points, alike) => {
  const sides = [0, 1].map((k) => extent(points.filter((_, i) => i % 2 === k)));
  const spans = sides.map(([low, high]) => high - low || 1), most = Math.max(...spans);
  return sides.flatMap(([low, high], k) => {
    const half = 0.56 * (alike ? most : spans[k]);
    return [(low + high) / 2 - half, (low + high) / 2 + half];
  });
};

// `kind` is what the rows are taken for.
export const answerSection = ({ forward, reverse, classes, kind }) => {
  const sampler = reverse.samplers[reverse.samplers.length - 1], sides = bothSides(forward, sampler);
  const places = ["data", "samples"], frame = reverse.show === "points" && frameAround(sides[0].values, kind === "points");
  sides.forEach(({ values, labels, count, width, shape }, i) => {
    const canvas = document.getElementById(`answer-${places[i]}`);
    const what = kind === "vectors" ? "rows" : reverse.show;
    document.getElementById(`answer-${places[i]}-what`).textContent =
      `${formatNumber(count, 6)} ${what}` + (i ? `, ${formatNumber(sampler.evaluations, 6)} evaluations each` : "");
    if (reverse.show !== "points") {
      stage(canvas, picturesPainter(reverse.show, shape, reverse.decode, sides[0].values, 2)).draw(values);
      return;
    }
    const coloured = labels ? colourByClass(labels, classes.length) : oneColour(count, i ? sampler.colour : "soft");
    if (labels && i === 0) classKey(document.getElementById("answer-key"), coloured, classes);
    stage(canvas, pointsPainter({ frame, axes: reverse.axes, coloured, count })).draw(reorder(values, coloured.order, width));
  });
};
