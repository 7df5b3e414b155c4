// Ticks: the round numbers that are written along an axis from `low` to `high`.

// About four steps of 1, 2 or 5 times a power of ten.
export const ticks = (low, high) => {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step; i++) found.push(i * step);
  return found;
};

// The same for a logarithmic axis: powers of ten, or 1, 2, 3, 5 times such powers where the axis spans few of them.
export const logarithmicTicks = (low, high) => {
  const found = [], many = Math.log10(high / low), every = Math.ceil(many / 5);
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    const factors = many > 3 ? (power % every === 0 ? [1] : []) : many > 1.2 ? [1, 3] : many > 0.5 ? [1, 2, 5] : null;
    if (factors) found.push(...factors.map((factor) => factor * 10 ** power));
  }
  return (found.length ? found : ticks(low, high)).filter((value) => value >= low && value <= high);
};
