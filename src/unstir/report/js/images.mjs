// The painter of images: (n, H, W) grey, (n, H, W, 3) red, green, blue, or (n, H, W, 4) with an opacity, on white, side by side in a grid.
import { hiddenCanvas } from "./stage.mjs";

// The grid of n images, in the images' own pixels: as square as can be, unless told how many go side by side.
export const imageGrid = ([n, H, W], across) => {
  const columns = across || Math.ceil(Math.sqrt(n)), rows = Math.ceil(n / columns), gap = Math.max(1, Math.round(W / 14));
  return { columns, gap, width: columns * (W + gap) - gap, height: rows * (H + gap) - gap };
};

// Writes the images into `pixels`, four bytes each (red, green, blue, opaque), as a canvas stores them. A value at range[0] is
// black, one at range[1] is white; the array itself cuts off what lies beyond.
export const fillPixels = (pixels, values, shape, range, { columns, gap, width }) => {
  const [n, H, W] = shape, channels = shape.length > 3 ? shape[3] : 1, factor = 255 / (range[1] - range[0]);
  for (let i = 0; i < n; i++) {
    const left = (i % columns) * (W + gap), top = Math.floor(i / columns) * (H + gap);
    for (let y = 0; y < H; y++) {
      for (let x = 0; x < W; x++) {
        const from = ((i * H + y) * W + x) * channels, to = 4 * ((top + y) * width + left + x);
        const opacity = channels === 4 ? Math.min(1, Math.max(0, ((values[from + 3] - range[0]) * factor) / 255)) : 1;
        for (let k = 0; k < 3; k++) {
          const colour = (values[from + (channels >= 3 ? k : 0)] - range[0]) * factor;
          pixels[to + k] = opacity < 1 ? 255 - opacity * (255 - Math.min(255, Math.max(0, colour))) : colour;
        }
        pixels[to + 3] = 255;
      }
    }
  }
};

export const imagesPainter = ({ shape, range, across }) => {
  const grid = imageGrid(shape, across);
  const sheet = hiddenCanvas(grid.width, grid.height), pen = sheet.getContext("2d"), pixels = pen.createImageData(grid.width, grid.height);
  return {
    aspect: `${grid.width} / ${grid.height}`,
    fit() {},
    paint(context, values) {
      fillPixels(pixels.data, values, shape, range, grid);
      pen.putImageData(pixels, 0, 0);
      const { width, height } = context.canvas;
      context.imageSmoothingEnabled = false;
      context.clearRect(0, 0, width, height);
      context.drawImage(sheet, 0, 0, width, height);
    },
  };
};
