// Numbers: how they are written, and small questions about lists of them. Nothing here knows of the page.

// A number as `unstir.words.number` writes it, with a typeset minus: to so many digits, but its whole part in full, in groups of three
// from 10,000 on, because a column may hold years; a dash where there is none.
//     formatNumber(12345.6) is "12,346", formatNumber(2010) is "2010", formatNumber(-2.5e-7) is "−2.5e−7", formatNumber(null) is "–"
export const formatNumber = (value, digits = 3) => {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-4 || size >= 1e7)
    ? value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("+", "")
    : Number(size < 10 ** digits ? value.toPrecision(digits) : value.toFixed(0))
      .toLocaleString("en", { maximumFractionDigits: 8, useGrouping: size >= 9999.5 });
  return text.replaceAll("-", "−");
};

export const product = (shape) => shape.reduce((a, b) => a * b, 1);

// [smallest, largest]; an interval of width 2 where there is only one value.
export const extent = (values) => {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low < high ? [low, high] : [low - 1, high + 1];
};

// The curve through the points (x, y) at a place, straight between two points. x rises. Before its first there is nothing (null);
// after its last the curve stays where it was. A y of null is a gap: the place takes the y on its right.
export const interpolate = (x, y, place) => {
  const i = x.findIndex((known) => known >= place);
  if (i < 0) return y[y.length - 1];
  if (i === 0) return x[0] === place ? y[0] : null;
  if (y[i] === null || y[i - 1] === null) return y[i];
  return y[i - 1] + ((y[i] - y[i - 1]) * (place - x[i - 1])) / (x[i] - x[i - 1]);
};
