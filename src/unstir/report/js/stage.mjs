// A stage: a canvas that stays sharp at every size, and shows the last moment again when its size or the theme changes.
//
// A painter is {fit(width, height, scale), paint(context, moment), aspect}. Sizes are in the canvas's own pixels, of which there are
// `scale` in one CSS pixel; `aspect` is CSS, and may be left out.
import { onThemeChange } from "./theme.mjs";

export const stage = (canvas, painter) => {
  const context = canvas.getContext("2d");
  let last = null;
  const draw = (moment) => {
    last = moment;
    if (canvas.width > 1) painter.paint(context, moment);
  };
  const fit = () => {
    const scale = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (!width || !height) return;
    canvas.width = width;
    canvas.height = height;
    painter.fit(width, height, scale);
    if (last !== null) painter.paint(context, last);
  };
  if (painter.aspect) canvas.style.aspectRatio = painter.aspect;
  new ResizeObserver(fit).observe(canvas);
  onThemeChange(fit);
  fit();
  return { canvas, draw };
};

// A canvas that is not on the page, to draw on once and copy from often.
export const hiddenCanvas = (width, height) => {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, width);
  canvas.height = Math.max(1, height);
  return canvas;
};
