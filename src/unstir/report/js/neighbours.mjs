// Samples beside their nearest training rows, in the section "Is it good, is it honest": a sample that is a copy is seen at once.
import { drawAxes } from "./axes.mjs";
import { imagesPainter } from "./images.mjs";
import { keyEntry } from "./key.mjs";
import { extent } from "./numbers.mjs";
import { sequencesPainter } from "./sequences.mjs";
import { stage } from "./stage.mjs";
import { FONT, palette } from "./theme.mjs";

const flat = (value) => [value].flat(Infinity);

// A frame [x0, x1, y0, y1] with all rows in it, as wide as it is tall, with a little air. A row of one number has y = 0.
export const squareFrame = (rows) => {
  const sides = [0, 1].map((k) => extent(rows.map((row) => row[k] || 0)));
  const half = 0.56 * Math.max(...sides.map(([low, high]) => high - low));
  return sides.flatMap(([low, high]) => [(low + high) / 2 - half, (low + high) / 2 + half]);
};

// The painter of pairs of points: a dot, a line to a ring, and the number of the pair on the side of the dot that has no line.
export const pairsPainter = ({ samples, nearest, frame, axes }) => {
  let place, scale;
  const ring = (context, x, y, radius) => {
    context.beginPath();
    context.arc(x, y, radius * scale, 0, 2 * Math.PI);
  };
  return {
    fit(width, height, ratio) {
      scale = ratio;
      place = drawAxes(width, height, scale, frame, axes);
    },
    paint(context) {
      context.clearRect(0, 0, context.canvas.width, context.canvas.height);
      context.drawImage(place.picture, 0, 0);
      samples.forEach((row, i) => {
        const [x, y] = [place.across(row[0]), place.up(row[1] || 0)];
        const [u, v] = [place.across(nearest[i][0]), place.up(nearest[i][1] || 0)];
        context.strokeStyle = palette.c4;
        context.lineWidth = 1.5 * scale;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(u, v);
        context.stroke();
        ring(context, u, v, 5);
        context.stroke();
        context.fillStyle = palette.accent;
        ring(context, x, y, 3);
        context.fill();
        context.fillStyle = palette.soft;
        context.font = `${11 * scale}px ${FONT}`;
        context.textAlign = "center";
        context.textBaseline = "middle";
        const away = Math.hypot(x - u, y - v) || 1;
        context.fillText(String(i + 1), x + (11 * scale * (x - u || 1)) / away, y + (11 * scale * (y - v || -1)) / away);
      });
    },
  };
};

// The shape of a sample and its nearest row as two images: (2, H, W), or (2, H, W, 3) where each pixel has three numbers.
export const pairShape = (image) => {
  const H = image.length, W = image[0].length, C = Array.isArray(image[0][0]) ? image[0][0].length : 1;
  return C === 3 ? [2, H, W, 3] : [2, H, W];
};

// A sample and its nearest row as one sequence (1, L, 2), the sample last, which is drawn on top. Of several channels the first.
export const pairCurves = (sample, nearest, C) => {
  const L = sample.length / C, curves = new Float32Array(2 * L);
  for (let l = 0; l < L; l++) {
    curves[2 * l] = nearest[l * C];
    curves[2 * l + 1] = sample[l * C];
  }
  return { curves, shape: [1, L, 2] };
};

// `axes` are the names of x and y. `low` and `high` are black and white, or the bottom and the top of curves; those of the rows
// where they are not given.
export const neighboursSection = ({ show, pairs, low, high }, axes) => {
  const key = document.getElementById("neighbours-key");
  const samples = pairs.map((pair) => flat(pair.sample)), nearest = pairs.map((pair) => flat(pair.nearest));
  if (show === "points") {
    keyEntry(key, "sample", { round: true, colour: "var(--accent)" });
    keyEntry(key, "nearest training row", { round: true, hollow: true, colour: "var(--c4)" });
    const frame = squareFrame([...samples, ...nearest]);
    stage(document.getElementById("neighbours"), pairsPainter({ samples, nearest, frame, axes })).draw(true);
    return;
  }
  const range = low === undefined || low === null ? extent([...samples, ...nearest].flat()) : [low, high];
  pairs.forEach(({ sample }, i) => {
    const canvas = document.getElementById(`neighbours-${i}`);
    if (show === "images") {
      const painter = imagesPainter({ shape: pairShape(sample), range, across: 2 });
      stage(canvas, painter).draw(Float32Array.from([...samples[i], ...nearest[i]]));
      return;
    }
    const { curves, shape } = pairCurves(samples[i], nearest[i], Array.isArray(sample[0]) ? sample[0].length : 1);
    const colourOf = (c) => (c ? palette.accent : palette.c2);
    stage(canvas, sequencesPainter({ shape, range, across: 1, colourOf })).draw(curves);
  });
  if (show !== "images") {
    keyEntry(key, "sample", { colour: "var(--accent)" });
    keyEntry(key, "nearest training row", { colour: "var(--c2)" });
  }
};
