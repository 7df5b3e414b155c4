// The painter of sequences: (n, L, C) as curves over L, each sequence in a field of its own, with a colour for each of C channels.
import { nthColour } from "./colours.mjs";
import { palette } from "./theme.mjs";

export const FIELDS = 12; // sequences shown at most

// Where each field is: [{left, top}], and how wide and tall they all are.
export const fieldGrid = (shown, width, height, scale, across) => {
  const columns = across || (width / scale < 300 ? 2 : 3), rows = Math.ceil(shown / columns), gap = 8 * scale;
  const wide = (width - gap * (columns - 1)) / columns, tall = (height - gap * (rows - 1)) / rows;
  const corners = Array.from({ length: shown }, (_, i) => ({
    left: (i % columns) * (wide + gap),
    top: Math.floor(i / columns) * (tall + gap),
  }));
  return { corners, wide, tall };
};

// `range` is shown from the bottom to the top of a field. `colourOf(channel)` is left out where any will do.
export const sequencesPainter = ({ shape, range, across, colourOf }) => {
  const [n, L, C] = shape, shown = Math.min(n, FIELDS);
  let scale = 1;
  return {
    fit(_width, _height, ratio) { scale = ratio; },
    paint(context, values) {
      const { width, height } = context.canvas;
      const { corners, wide, tall } = fieldGrid(shown, width, height, scale, across);
      context.clearRect(0, 0, width, height);
      context.lineWidth = scale;
      corners.forEach(({ left, top }, i) => {
        const up = (value) => top + tall * ((range[1] - value) / (range[1] - range[0]));
        context.save();
        context.beginPath();
        context.rect(left, top, wide, tall);
        context.clip();
        context.fillStyle = palette.panel;
        context.fillRect(left, top, wide, tall);
        context.strokeStyle = palette.line;
        context.beginPath();
        context.moveTo(left, up(0));
        context.lineTo(left + wide, up(0));
        context.stroke();
        context.lineWidth = 1.4 * scale;
        for (let c = 0; c < C; c++) {
          context.strokeStyle = colourOf ? colourOf(c) : nthColour(c, C);
          context.beginPath();
          for (let l = 0; l < L; l++) context.lineTo(left + (L > 1 ? (l / (L - 1)) * wide : wide / 2), up(values[(i * L + l) * C + c]));
          context.stroke();
        }
        context.restore();
      });
    },
  };
};
