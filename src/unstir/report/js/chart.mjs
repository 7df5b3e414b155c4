// A chart: curves drawn by uPlot in this page's colours, with a key beneath, a marker that moves with a film, and words for those
// who do not see it. uPlot is the script before this one.
import { acrossRange, describe, drawable, upRange } from "./curves.mjs";
import { keyEntry } from "./key.mjs";
import { formatNumber, interpolate } from "./numbers.mjs";
import { FONT, onThemeChange, palette } from "./theme.mjs";
import { logarithmicTicks } from "./ticks.mjs";

const colourName = (line) => line.colour || "c1";

// What uPlot is told. `tell(index)` is called when the pointer is over a place of x, or leaves (null).
const plotOptions = (host, { x, over, lines, logarithmic, from, span, within }, tell) => {
  const colour = (line) => () => palette[colourName(line)];
  const axis = (more) => ({
    stroke: () => palette.soft,
    font: `12px ${FONT}`,
    labelFont: `12px ${FONT}`,
    grid: { stroke: () => palette.line, width: 1 },
    ticks: { show: false },
    ...more,
  });
  return {
    width: Math.max(200, host.clientWidth),
    height: host.clientHeight,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: false, range: (_, low, high) => acrossRange(low, high, span) },
      y: { distr: logarithmic ? 3 : 1, range: (_, low, high) => upRange(low, high, { logarithmic, from, within }) },
    },
    axes: [
      axis({
        label: over,
        labelSize: 18,
        size: 26,
        gap: 4,
        space: 60,
        values: (_, at) => at.map((v) => formatNumber(v)),
        grid: { show: false },
      }),
      axis({
        gap: 4,
        space: 34,
        size: (_, texts) => 12 + 7 * Math.max(1, ...(texts || []).map((text) => (text || "").length)),
        values: (_, at) => at.map((v) => (v === null ? "" : formatNumber(v))),
        ...(logarithmic ? { splits: (_, __, low, high) => logarithmicTicks(low, high), filter: (_, at) => at } : {}),
      }),
    ],
    series: [
      {},
      ...lines.map((line) => ({
        stroke: colour(line),
        width: line.dots ? 0 : line.width || 2,
        dash: line.dash,
        paths: line.dots ? () => null : line.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
        points: line.dots || x.length === 1 ? { show: true, size: 6, fill: colour(line), stroke: colour(line) } : { show: false },
        spanGaps: Boolean(line.dots) || Boolean(line.joined),
      })),
    ],
    hooks: { setCursor: [(plot) => tell(plot.cursor.idx)] },
  };
};

const nothingMeasured = (host) => {
  host.textContent = "Nothing was measured.";
  host.className = "quiet";
  host.removeAttribute("role");
  host.removeAttribute("aria-label");
  return { mark() {} };
};

// The key beneath a chart; returns the function that writes the values at one place of x into it.
const valuesKey = (host, lines) => {
  const list = document.createElement("ul");
  list.className = "key";
  const values = lines.map((line) => {
    const style = { colour: `var(--${colourName(line)})`, dash: line.dash && line.dash.map((length) => length / 2), round: line.dots, width: line.width };
    return keyEntry(list, line.name, style).appendChild(document.createElement("b"));
  });
  if (lines.length > 1) host.after(list);
  return (i) => lines.forEach((line, k) => (values[k].textContent = i === null || i === undefined ? "" : formatNumber(line.y[i])));
};

// A line across the plot with a dot on each curve; returns the function that moves it to a value of x.
const movingMarker = (plot, x, lines) => {
  const stick = document.createElement("div"), dots = lines.map(() => document.createElement("div"));
  stick.className = "marker";
  dots.forEach((dot) => (dot.className = "dot"));
  plot.over.append(stick, ...dots);
  return (value) => {
    const left = plot.valToPos(value, "x");
    stick.style.transform = `translateX(${left}px)`;
    dots.forEach((dot, k) => {
      const height = interpolate(x, lines[k].y, value);
      dot.hidden = height === null || height === undefined;
      if (!dot.hidden) dot.style.transform = `translate(${left}px,${plot.valToPos(height, "y")}px)`;
    });
  };
};

// Draws curves into the element `id`. `over` is what x is; `marker`: whether mark(x) shows a place. Returns {mark}.
export const chart = (id, { x, over, lines, logarithmic = false, from = null, marker = false, span = null, within = Infinity }) => {
  const host = document.getElementById(id);
  lines = drawable(lines, logarithmic);
  if (!lines.length) return nothingMeasured(host);
  const caption = host.parentElement.querySelector("figcaption").textContent.trim();
  host.setAttribute("aria-label", describe(caption, x, lines, over));
  const options = plotOptions(host, { x, over, lines, logarithmic, from, span, within }, (i) => tell(i));
  const tell = valuesKey(host, lines);
  const plot = new uPlot(options, [x, ...lines.map((line) => line.y)], host);
  const move = marker ? movingMarker(plot, x, lines) : () => {};
  let place = null;
  const mark = (value) => {
    place = value;
    move(value);
  };
  new ResizeObserver(() => {
    const width = host.clientWidth;
    if (width && width !== plot.width) plot.setSize({ width, height: options.height });
    if (place !== null) move(place);
  }).observe(host);
  onThemeChange(() => plot.redraw(false));
  return { mark };
};
