// The painter of images or sequences in the data's own units, of which the network may have seen others.
import { imagesPainter } from "./images.mjs";
import { extent } from "./numbers.mjs";
import { sequencesPainter } from "./sequences.mjs";
import { decoder } from "./unpack.mjs";

// `show` is "images" or "sequences". `decode` leads to the data's units and has their lowest and highest value; without it those of
// `clean`, rows without noise, are taken. Curves get half as much again above and below, so that noise stays in sight.
export const picturesPainter = (show, shape, decode, clean, across) => {
  const range = decode ? [decode.low, decode.high] : extent(clean), air = 0.5 * (range[1] - range[0]);
  const painter = show === "images"
    ? imagesPainter({ shape, range })
    : sequencesPainter({ shape, range: [range[0] - air, range[1] + air], across });
  const decoded = decoder(decode);
  return { ...painter, paint: (context, values) => painter.paint(context, decoded(values)) };
};
