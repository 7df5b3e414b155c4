// The painter of points: n dots in a frame with axes, their values (n, 2) in one array.
import { drawAxes } from "./axes.mjs";

// The diameter of a dot, in pixels: smaller where there are many, and in a small picture.
export const dotSize = (count, width, scale) =>
  2 * scale * Math.min(2.6, Math.max(1.1, 70 / Math.sqrt(count))) * Math.min(1, (width / scale + 150) / 500);

// `axes` are the names of x and y, `coloured` is a colouring (colours.mjs). `behind(context, place)` may draw under the points. A dot
// is a line of no length with round ends, and those of one colour are one path: an eighteenth of the time that small pictures of a
// dot take.
export const pointsPainter = ({ frame, axes, coloured, count, behind }) => {
  let place, size;
  return {
    fit(width, height, scale) {
      place = drawAxes(width, height, scale, frame, axes);
      size = dotSize(count, width, scale);
    },
    paint(context, points) {
      const { box } = place;
      const wide = (box.right - box.left) / (frame[1] - frame[0]), tall = (box.bottom - box.top) / (frame[3] - frame[2]);
      context.globalAlpha = 1;
      context.clearRect(0, 0, context.canvas.width, context.canvas.height);
      if (behind) behind(context, place);
      context.drawImage(place.picture, 0, 0);
      context.globalAlpha = count > 500 ? 0.8 : 1;
      context.lineCap = "round";
      context.lineWidth = size;
      for (const group of coloured.groups) {
        context.strokeStyle = group.colour();
        context.beginPath();
        for (let i = group.from; i < group.to; i++) {
          const x = box.left + (points[2 * i] - frame[0]) * wide, y = box.bottom - (points[2 * i + 1] - frame[2]) * tall;
          if (x < box.left || x > box.right || y < box.top || y > box.bottom) continue;
          context.moveTo(x, y);
          context.lineTo(x + 0.01, y); // a line of exactly no length is not drawn by every browser
        }
        context.stroke();
      }
    },
  };
};
