// Axes of a picture of points: a frame with numbers and names, drawn once for each size and then copied.
import { formatNumber } from "./numbers.mjs";
import { hiddenCanvas } from "./stage.mjs";
import { FONT, palette } from "./theme.mjs";
import { ticks } from "./ticks.mjs";

// The text, or as many of its first letters as fit, with an ellipsis.
export const shortened = (context, text, width) => {
  if (context.measureText(text).width <= width) return text;
  let kept = Math.min(text.length, 200);
  while (kept > 1 && context.measureText(`${text.slice(0, kept)}…`).width > width) kept--;
  return `${text.slice(0, kept)}…`;
};

// Where the plot is in a picture of this size: its box, and the functions from the frame [x0, x1, y0, y1] to pixels. y points up,
// pixels are counted downwards.
export const placement = (width, height, scale, frame) => {
  const box = { left: 44 * scale, top: 6 * scale, right: width - 6 * scale, bottom: height - 36 * scale };
  const across = (x) => box.left + ((x - frame[0]) / (frame[1] - frame[0])) * (box.right - box.left);
  const up = (y) => box.bottom - ((y - frame[2]) / (frame[3] - frame[2])) * (box.bottom - box.top);
  return { box, across, up, scale };
};

// The placement, with the picture of the axes. `names` are those of x and y.
export const drawAxes = (width, height, scale, frame, names) => {
  const place = placement(width, height, scale, frame), { box, across, up } = place;
  const picture = hiddenCanvas(width, height), context = picture.getContext("2d");
  context.lineWidth = Math.max(1, Math.round(scale));
  context.strokeStyle = palette.line;
  context.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  context.fillStyle = palette.soft;
  context.font = `${11.5 * scale}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const x of ticks(frame[0], frame[1])) {
    context.fillRect(across(x) - 0.5 * scale, box.bottom, scale, 3 * scale);
    context.fillText(formatNumber(x), across(x), box.bottom + 5 * scale);
  }
  context.textBaseline = "bottom";
  context.fillText(shortened(context, names[0], box.right - box.left), (box.left + box.right) / 2, height - 1 * scale);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const y of ticks(frame[2], frame[3])) {
    context.fillRect(box.left - 3 * scale, up(y) - 0.5 * scale, 3 * scale, scale);
    context.fillText(formatNumber(y), box.left - 5 * scale, up(y));
  }
  context.translate(7 * scale, (box.top + box.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(shortened(context, names[1], box.bottom - box.top), 0, 0);
  return { ...place, picture };
};
