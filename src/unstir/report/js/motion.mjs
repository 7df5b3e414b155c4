// Motion: where each number is at a moment, when its path is a formula and when only some moments of it were kept.
//
//     x_n = alpha_n x_0 + sigma_n eps        the same eps at every n, so that each point moves on a smooth path     (1)

// Writes x_n of eq. (1) into x.
export const addNoise = (x, alpha, x0, sigma, eps) => {
  for (let i = 0; i < x.length; i++) x[i] = alpha * x0[i] + sigma * eps[i];
};

// Which two kept moments lie around time t, and the share of the way from the first to the second. Times fall from 1 to 0.
export const moments = (times, t) => {
  let from = 0;
  while (from < times.length - 2 && times[from + 1] > t) from++;
  const to = Math.min(from + 1, times.length - 1), gap = times[from] - times[to];
  return { from, to, share: gap > 0 ? Math.min(1, Math.max(0, (times[from] - t) / gap)) : 1 };
};

// Writes the state between two kept ones into `state`: a straight line from each number to the next.
export const blend = (state, states, { from, to, share }) => {
  const size = state.length, here = from * size, there = to * size;
  for (let i = 0; i < size; i++) state[i] = states[here + i] + share * (states[there + i] - states[here + i]);
};

// The kept moment nearest to t; the earlier in the list where two are equally near.
export const nearest = (times, t) => {
  let k = 0;
  times.forEach((time, i) => (k = Math.abs(time - t) < Math.abs(times[k] - t) ? i : k));
  return k;
};
