// The field behind the samples: the density on the way as shades of grey, and the learned score as arrows, at the kept moment that is
// nearest. It is drawn once for each moment and size, and then copied under the points.
import { rgb } from "./colours.mjs";
import { nearest } from "./motion.mjs";
import { hiddenCanvas } from "./stage.mjs";
import { palette } from "./theme.mjs";
import { unpack } from "./unpack.mjs";

// Writes a density (H, W), of which the first row has the lowest y, into `pixels` as a tint that is the less transparent the higher.
export const shadePixels = (pixels, density, H, W, tint) => {
  const top = density.reduce((most, value) => Math.max(most, value), 1e-9);
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      const to = 4 * ((H - 1 - y) * W + x);
      tint.forEach((part, k) => (pixels[to + k] = part));
      pixels[to + 3] = 165 * Math.sqrt(Math.max(0, density[y * W + x]) / top);
    }
  }
};

// The three lines of an arrow, in pixels: [[x, y] of each end]. It has its middle at (x, y) and reaches over (dx, dy), in units of
// the data; null where it would be too short to be seen. `pixel` is how many pixels a unit has.
export const arrowLines = ({ across, up }, x, y, dx, dy, pixel, most) => {
  const size = Math.hypot(dx, dy) * pixel;
  if (size < 0.5) return null;
  const tip = [across(x + dx / 2), up(y + dy / 2)], angle = Math.atan2(-dy, dx), head = Math.min(0.45 * size, most);
  const barb = (turn) => [tip[0] - head * Math.cos(angle + turn), tip[1] - head * Math.sin(angle + turn)];
  return [[[across(x - dx / 2), up(y - dy / 2)], tip], [barb(-0.5), tip], [tip, barb(0.5)]];
};

const paintDensity = (pen, { across, up }, [x0, x1, y0, y1], density, shade) => {
  const { width: W, height: H } = shade, own = shade.getContext("2d"), pixels = own.createImageData(W, H);
  shadePixels(pixels.data, density, H, W, rgb(palette.mark));
  own.putImageData(pixels, 0, 0);
  pen.drawImage(shade, across(x0), up(y1), across(x1) - across(x0), up(y0) - up(y1));
};

// Arrows (G, G, 2), rows by y and columns by x, both from the lowest; every second where they would stand too close. The longest of
// all moments, `longest`, is nearly as long as the distance between two.
const paintArrows = (pen, place, [x0, x1, y0, y1], arrows, G, longest) => {
  const { across, scale } = place, { width } = pen.canvas;
  const cellX = (x1 - x0) / (G - 1), cellY = (y1 - y0) / (G - 1), pixel = (across(x1) - across(x0)) / (x1 - x0);
  const every = cellX * pixel < 15 * scale ? 2 : 1, length = (0.9 * every * cellX) / longest;
  pen.strokeStyle = palette.ink;
  pen.globalAlpha = 0.55;
  pen.lineWidth = Math.max(1, width / 420);
  pen.beginPath();
  for (let i = 0; i < G; i += every) {
    for (let j = 0; j < G; j += every) {
      const here = 2 * (i * G + j);
      const lines = arrowLines(place, x0 + j * cellX, y0 + i * cellY, arrows[here] * length, arrows[here + 1] * length, pixel, width / 60);
      if (!lines) continue;
      for (const [start, end] of lines) {
        pen.moveTo(...start);
        pen.lineTo(...end);
      }
    }
  }
  pen.stroke();
};

// Returns a maker of backgrounds, one for each picture: background(t, shown) is the function `behind` of a painter of points
// (points.mjs) at time t. `shown` is {density, arrows}: what the reader wants to see.
export const fieldPainter = (field) => {
  const arrows = unpack(field.arrows), density = field.density && unpack(field.density);
  const [, G] = field.arrows.shape, longest = arrows.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  const [, H, W] = field.density ? field.density.shape : [0, 0, 0];
  const shade = field.density && hiddenCanvas(W, H);
  return () => {
    let kept = "", cache = null;
    return (t, shown) => (context, place) => {
      if (!shown.density && !shown.arrows) return;
      const k = nearest(field.times, t), { width, height } = context.canvas, { box } = place;
      const name = [k, width, height, shown.density, shown.arrows, palette.accent].join();
      if (name !== kept) {
        kept = name;
        cache = hiddenCanvas(width, height);
        const pen = cache.getContext("2d");
        pen.beginPath();
        pen.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
        pen.clip();
        if (shown.density && density) paintDensity(pen, place, field.frame, density.subarray(k * H * W, (k + 1) * H * W), shade);
        if (shown.arrows) paintArrows(pen, place, field.frame, arrows.subarray(k * G * G * 2, (k + 1) * G * G * 2), G, longest);
      }
      context.drawImage(cache, 0, 0);
    };
  };
};
