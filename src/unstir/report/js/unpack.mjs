// Unpacking: arrays travel in the page as base64 of whole numbers, one or two bytes each, between a lowest and a highest value.
// packing.py writes them.
import { product } from "./numbers.mjs";

// The values as one Float32Array, row after row. `low` and `high` are one number, or one for each place of the last axis.
export const unpack = ({ shape, type, low, high, b64 }) => {
  const bytes = Uint8Array.from(atob(b64), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer), wide = type === "int16";
  const lows = [low].flat(), highs = [high].flat(), last = shape[shape.length - 1];
  const values = new Float32Array(product(shape));
  for (let i = 0; i < values.length; i++) {
    const share = wide ? (view.getInt16(2 * i, true) + 32768) / 65535 : bytes[i] / 255;
    const k = lows.length > 1 ? i % last : 0;
    values[i] = lows[k] + (highs[k] - lows[k]) * share;
  }
  return values;
};

// A function from the network's units to the data's own: value = shift + scale x, number by number of a row. Without `decode` the
// values are in the data's units already. The array that it returns is used again at the next call.
export const decoder = (decode) => {
  if (!decode) return (values) => values;
  const shift = unpack(decode.shift), scale = unpack(decode.scale);
  let decoded = new Float32Array(0);
  return (values) => {
    if (decoded.length !== values.length) decoded = new Float32Array(values.length);
    for (let i = 0, k = 0; i < values.length; i++, k = k + 1 === shift.length ? 0 : k + 1) decoded[i] = shift[k] + scale[k] * values[i];
    return decoded;
  };
};

// Rows of `width` numbers in another order: row order[i] becomes row i.
export const reorder = (values, order, width) => {
  const sorted = new Float32Array(values.length);
  order.forEach((from, to) => {
    for (let k = 0; k < width; k++) sorted[to * width + k] = values[from * width + k];
  });
  return sorted;
};
