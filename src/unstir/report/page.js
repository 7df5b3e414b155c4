// The pictures of the page: everything that moves, drawn from the numbers in the block #contents and from nothing else.
//
//     x_n = alpha_n x_0 + sigma_n eps        the same eps at every n, so that each point moves on a smooth path     (1)
//
// A film is a slider with a play button; it calls `show(place)`. A stage is a canvas that keeps its sharpness and knows how to
// draw itself again. A painter draws one moment of points, images or sequences on a stage. Text reaches the page only as
// textContent or as letters on a canvas, never as markup.
(() => {
  "use strict";
  const contents = JSON.parse(document.getElementById("contents").textContent);
  const at = (id) => document.getElementById(id);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const SECONDS = 7; // of a film
  const SEEN = 14; // of the log-SNR, to either side: beyond it there is nothing but noise, or nothing but data
  const FONT = "system-ui, sans-serif";

  // ---- Colours: those of page.css, read again when the theme changes -------------------------------------------------------

  const NAMES = ["paper", "panel", "ink", "soft", "line", "mark", "accent", "c1", "c2", "c3", "c4", "c5", "c6"];
  let ink;
  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    ink = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  };
  readColours();
  const again = []; // what to do when the theme changes
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    again.forEach((redraw) => redraw());
  });

  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const wheel = (share) => { // of 0 .. 1; ends where it starts
    const stops = ["c1", "c6", "c3", "c2", "c4", "c5", "c1"].map((name) => rgb(ink[name]));
    const place = Math.min(share, 0.9999) * 6, i = Math.floor(place), f = place - i;
    return `rgb(${stops[i].map((low, k) => Math.round(low + f * (stops[i + 1][k] - low))).join(",")})`;
  };
  const nth = (i, count) => (count <= 6 ? ink[`c${i + 1}`] : wheel(i / count));

  // ---- Numbers and arrays --------------------------------------------------------------------------------------------------

  const say = (value, digits = 3) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-4 || size >= 1e7)
      ? value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("+", "")
      : Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 8 });
    return text.replaceAll("-", "−");
  };

  const product = (shape) => shape.reduce((a, b) => a * b, 1);
  const unpack = ({ shape, type, low, high, b64 }) => { // the values as one Float32Array
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
  const reach = (values) => {
    let low = Infinity, high = -Infinity;
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return low < high ? [low, high] : [low - 1, high + 1];
  };
  const reorder = (values, order, width) => {
    const sorted = new Float32Array(values.length);
    order.forEach((from, to) => {
      for (let k = 0; k < width; k++) sorted[to * width + k] = values[from * width + k];
    });
    return sorted;
  };

  // Who has which colour: by class, or else by the angle about the centre. Returns the order that puts like colours next to each
  // other, and for each colour its rows and a function for it, since the theme may change.
  const HUES = 24;
  const classes = (contents.data && contents.data.classes) || [];
  const byClass = (packed) => {
    const labels = unpack(packed).map(Math.round), count = labels.reduce((most, label) => Math.max(most, label + 1), classes.length);
    const order = [...labels.keys()].sort((a, b) => labels[a] - labels[b]);
    return groups(order, (row) => labels[row], (label) => nth(label, count));
  };
  const byAngle = (points, width) => {
    const count = points.length / width, centre = [0, 0];
    for (let i = 0; i < count; i++) for (let k = 0; k < 2; k++) centre[k] += points[i * width + k] / count;
    const angle = Array.from({ length: count }, (_, i) => Math.atan2(points[i * width + 1] - centre[1], points[i * width] - centre[0]));
    const order = angle.map((_, i) => i).sort((a, b) => angle[a] - angle[b]);
    const rank = new Int32Array(count);
    order.forEach((row, place) => (rank[row] = place));
    return groups(order, (row) => Math.floor((rank[row] / count) * HUES), (hue) => wheel((hue + 0.5) / HUES));
  };
  const oneColour = (count, colour) => ({ order: Array.from({ length: count }, (_, i) => i), groups: [{ from: 0, to: count, colour: () => ink[colour] }] });
  const groups = (order, key, colour) => {
    const found = [];
    order.forEach((row, place) => {
      const name = key(row), last = found[found.length - 1];
      if (last && last.name === name) last.to = place + 1;
      else found.push({ name, from: place, to: place + 1, colour: () => colour(name) });
    });
    return { order, groups: found };
  };

  // ---- A stage -------------------------------------------------------------------------------------------------------------

  const stage = (canvas, painter) => {
    const context = canvas.getContext("2d");
    let last = null;
    const self = {
      canvas,
      draw(moment) {
        last = moment;
        if (canvas.width > 1) painter.paint(context, moment);
      },
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
    again.push(fit);
    fit();
    return self;
  };

  const layer = (width, height) => {
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, width);
    canvas.height = Math.max(1, height);
    return canvas;
  };
  const ticks = (low, high) => {
    const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step; i++) found.push(i * step);
    return found;
  };
  const fitted = (context, text, width) => {
    if (context.measureText(text).width <= width) return text;
    let kept = Math.min(text.length, 200);
    while (kept > 1 && context.measureText(`${text.slice(0, kept)}…`).width > width) kept--;
    return `${text.slice(0, kept)}…`;
  };

  // The axes of a picture of points, drawn once for each size: returns the picture and where the plot is in it.
  const axesLayer = (width, height, scale, frame, names) => {
    const back = layer(width, height), context = back.getContext("2d");
    const box = { left: 44 * scale, top: 6 * scale, right: width - 6 * scale, bottom: height - 36 * scale };
    const across = (x) => box.left + ((x - frame[0]) / (frame[1] - frame[0])) * (box.right - box.left);
    const up = (y) => box.bottom - ((y - frame[2]) / (frame[3] - frame[2])) * (box.bottom - box.top);
    context.lineWidth = Math.max(1, Math.round(scale));
    context.strokeStyle = ink.line;
    context.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.fillStyle = ink.soft;
    context.font = `${11.5 * scale}px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const x of ticks(frame[0], frame[1])) {
      context.fillRect(across(x) - 0.5 * scale, box.bottom, scale, 3 * scale);
      context.fillText(say(x), across(x), box.bottom + 5 * scale);
    }
    context.textBaseline = "bottom";
    context.fillText(fitted(context, names[0], box.right - box.left), (box.left + box.right) / 2, height - 1 * scale);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const y of ticks(frame[2], frame[3])) {
      context.fillRect(box.left - 3 * scale, up(y) - 0.5 * scale, 3 * scale, scale);
      context.fillText(say(y), box.left - 5 * scale, up(y));
    }
    context.translate(7 * scale, (box.top + box.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(fitted(context, names[1], box.bottom - box.top), 0, 0);
    return { back, box, across, up };
  };

  // ---- Painters: {fit(width, height, scale), paint(context, values)} -------------------------------------------------------

  // Points (n, 2) in a frame. `behind(context, place)` may draw between the axes and the points. A dot is a line of no length with
  // round ends, and those of one colour are one path: an eighteenth of the time that small pictures of a dot take.
  const pointsPainter = ({ frame, axes, coloured, count, behind }) => {
    let place, size;
    return {
      fit(width, height, scale) {
        place = axesLayer(width, height, scale, frame, axes);
        size = 2 * scale * Math.min(2.6, Math.max(1.1, 70 / Math.sqrt(count))) * Math.min(1, (width / scale + 150) / 500);
      },
      paint(context, points) {
        const { box } = place;
        const wide = (box.right - box.left) / (frame[1] - frame[0]), tall = (box.bottom - box.top) / (frame[3] - frame[2]);
        context.globalAlpha = 1;
        context.clearRect(0, 0, context.canvas.width, context.canvas.height);
        if (behind) behind(context, place);
        context.drawImage(place.back, 0, 0);
        context.globalAlpha = count > 500 ? 0.8 : 1;
        context.lineCap = "round";
        context.lineWidth = size;
        for (const group of coloured.groups) {
          context.strokeStyle = group.colour();
          context.beginPath();
          for (let i = group.from; i < group.to; i++) {
            const x = box.left + (points[2 * i] - frame[0]) * wide, y = box.bottom - (points[2 * i + 1] - frame[2]) * tall;
            if (x < box.left || x > box.right || y < box.top || y > box.bottom) continue;
            context.moveTo(x, y);
            context.lineTo(x + 0.01, y); // a line of exactly no length is not drawn by every browser
          }
          context.stroke();
        }
      },
    };
  };

  // Pictures and curves in the data's own units: value = shift + scale x, number by number of a row, where the contents say them.
  const decoder = (decode) => {
    if (!decode) return (values) => values;
    const shift = unpack(decode.shift), scale = unpack(decode.scale);
    let decoded = new Float32Array(0);
    return (values) => {
      if (decoded.length !== values.length) decoded = new Float32Array(values.length);
      for (let i = 0, k = 0; i < values.length; i++, k = k + 1 === shift.length ? 0 : k + 1) decoded[i] = shift[k] + scale[k] * values[i];
      return decoded;
    };
  };
  const pictures = (show, shape, decode, clean, across) => { // the painter of images or sequences, of which `clean` has no noise
    const range = decode ? [decode.low, decode.high] : reach(clean), air = 0.5 * (range[1] - range[0]);
    const painter = show === "images"
      ? imagesPainter({ shape, range })
      : sequencesPainter({ shape, range: [range[0] - air, range[1] + air], across });
    const decoded = decoder(decode);
    return { ...painter, paint: (context, values) => painter.paint(context, decoded(values)) };
  };

  // Images (n, H, W) or (n, H, W, 3) in a grid; `range` is shown from black to white.
  const imagesPainter = ({ shape, range, across }) => {
    const [n, H, W] = shape, channels = shape.length > 3 ? shape[3] : 1;
    const columns = across || Math.ceil(Math.sqrt(n)), rows = Math.ceil(n / columns), gap = Math.max(1, Math.round(W / 14));
    const width = columns * (W + gap) - gap, height = rows * (H + gap) - gap;
    const sheet = layer(width, height), pen = sheet.getContext("2d"), pixels = pen.createImageData(width, height);
    return {
      aspect: `${width} / ${height}`,
      fit() {},
      paint(context, values) {
        const factor = 255 / (range[1] - range[0]);
        for (let i = 0; i < n; i++) {
          const left = (i % columns) * (W + gap), top = Math.floor(i / columns) * (H + gap);
          for (let y = 0; y < H; y++) {
            for (let x = 0; x < W; x++) {
              const from = ((i * H + y) * W + x) * channels, to = 4 * ((top + y) * width + left + x);
              for (let k = 0; k < 3; k++) pixels.data[to + k] = (values[from + (channels === 3 ? k : 0)] - range[0]) * factor;
              pixels.data[to + 3] = 255;
            }
          }
        }
        pen.putImageData(pixels, 0, 0);
        const { width: wide, height: tall } = context.canvas;
        context.imageSmoothingEnabled = false;
        context.clearRect(0, 0, wide, tall);
        context.drawImage(sheet, 0, 0, wide, tall);
      },
    };
  };

  // Sequences (n, L, C) as curves, each in a field of its own; a colour for each channel.
  const FIELDS = 12;
  const sequencesPainter = ({ shape, range, across, colours }) => {
    const [n, L, C] = shape, shown = Math.min(n, FIELDS);
    let scale = 1;
    return {
      fit(_width, _height, ratio) { scale = ratio; },
      paint(context, values) {
        const { width, height } = context.canvas;
        const columns = across || (width / scale < 300 ? 2 : 3), rows = Math.ceil(shown / columns), gap = 8 * scale;
        const wide = (width - gap * (columns - 1)) / columns, tall = (height - gap * (rows - 1)) / rows;
        context.clearRect(0, 0, width, height);
        context.lineWidth = scale;
        for (let i = 0; i < shown; i++) {
          const left = (i % columns) * (wide + gap), top = Math.floor(i / columns) * (tall + gap);
          context.save();
          context.beginPath();
          context.rect(left, top, wide, tall);
          context.clip();
          context.fillStyle = ink.panel;
          context.fillRect(left, top, wide, tall);
          context.strokeStyle = ink.line;
          const zero = top + tall * (range[1] / (range[1] - range[0]));
          context.beginPath();
          context.moveTo(left, zero);
          context.lineTo(left + wide, zero);
          context.stroke();
          context.lineWidth = 1.4 * scale;
          for (let c = 0; c < C; c++) {
            context.strokeStyle = colours ? colours(c) : nth(c, C);
            context.beginPath();
            for (let l = 0; l < L; l++) {
              const y = top + tall * ((range[1] - values[(i * L + l) * C + c]) / (range[1] - range[0]));
              context.lineTo(left + (L > 1 ? (l / (L - 1)) * wide : wide / 2), y);
            }
            context.stroke();
          }
          context.restore();
        }
      },
    };
  };

  // ---- Curves: uPlot with this page's colours, a key beneath, and words for those who do not see it -------------------------

  const SVG = "http://www.w3.org/2000/svg";
  const keyEntry = (list, name, style) => {
    const item = document.createElement("li"), svg = document.createElementNS(SVG, "svg"), label = document.createElement("span");
    svg.setAttribute("viewBox", "0 0 18 10");
    svg.setAttribute("aria-hidden", "true");
    const mark = document.createElementNS(SVG, style.round ? "circle" : "line");
    if (style.round) {
      [["cx", 9], ["cy", 5], ["r", 3.5]].forEach(([key, value]) => mark.setAttribute(key, value));
      mark.style[style.hollow ? "stroke" : "fill"] = style.colour;
      if (style.hollow) mark.style.fill = "none";
    } else {
      [["x1", 0], ["x2", 18], ["y1", 5], ["y2", 5]].forEach(([key, value]) => mark.setAttribute(key, value));
      mark.style.stroke = style.colour;
      mark.style.strokeWidth = style.width || 2;
      if (style.dash) mark.style.strokeDasharray = style.dash.join(" ");
    }
    svg.append(mark);
    label.textContent = name;
    item.append(svg, label);
    list.append(item);
    return item;
  };

  const GREY = "mark";
  const describe = (caption, x, lines, over) => {
    const parts = lines.map(({ name, y }) => {
      const known = y.map((value, i) => [value, x[i]]).filter(([value]) => value !== null && value !== undefined);
      if (!known.length) return `${name}: no values`;
      const values = known.map(([value]) => value);
      return `${name} from ${say(values[0])} to ${say(values[values.length - 1])}, lowest ${say(Math.min(...values))}, highest ${say(Math.max(...values))}`;
    });
    return `${caption}, over ${over} from ${say(x[0])} to ${say(x[x.length - 1])}. ${parts.join("; ")}.`;
  };

  const chart = (id, { x, over, lines, logarithmic = false, from = null, marker = false, span = null, within = Infinity }) => {
    const host = at(id);
    lines = lines.filter((line) => line.y && line.y.some((value) => value !== null));
    if (logarithmic) lines = lines.map((line) => ({ ...line, y: line.y.map((value) => (value > 0 ? value : null)) }));
    if (!lines.length) {
      host.textContent = "Nothing was measured.";
      host.className = "quiet";
      host.removeAttribute("role");
      host.removeAttribute("aria-label");
      return { mark() {} };
    }
    const caption = host.parentElement.querySelector("figcaption").textContent.trim();
    host.setAttribute("aria-label", describe(caption, x, lines, over));
    const colour = (line) => () => ink[line.colour || "c1"];
    const axis = (more) => ({
      stroke: () => ink.soft,
      font: `12px ${FONT}`,
      labelFont: `12px ${FONT}`,
      grid: { stroke: () => ink.line, width: 1 },
      ticks: { show: false },
      ...more,
    });
    const options = {
      width: Math.max(200, host.clientWidth),
      height: host.clientHeight,
      padding: [8, 22, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: (_, low, high) => span || (low === high ? [low - 1, high + 1] : [low, high]) },
        y: {
          distr: logarithmic ? 3 : 1,
          range: (_, low, high) => {
            if (low === null) return logarithmic ? [0.1, 1] : [0, 1];
            if (logarithmic) return [low / (high / low) ** 0.06 / 1.04, high * (high / low) ** 0.06 * 1.04];
            if (from !== null) return [Math.min(low, from), high + 0.06 * (high - Math.min(low, from)) || 1];
            const least = Math.max(low, -within), most = Math.min(high, within);
            const air = 0.05 * (most - least) || 0.5 * Math.abs(most) || 1;
            return [least - air, most + air];
          },
        },
      },
      axes: [
        axis({ label: over, labelSize: 18, size: 26, gap: 4, space: 60, values: (_, at) => at.map((v) => say(v)), grid: { show: false } }),
        axis({
          gap: 4,
          space: 34,
          size: (_, texts) => 12 + 7 * Math.max(1, ...(texts || []).map((text) => (text || "").length)),
          values: (_, at) => at.map((v) => (v === null ? "" : say(v))),
          ...(logarithmic ? { splits: (_, __, low, high) => decades(low, high), filter: (_, at) => at } : {}),
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
    const list = document.createElement("ul"), values = [];
    list.className = "key";
    lines.forEach((line) => {
      const item = keyEntry(list, line.name, { colour: `var(--${line.colour || "c1"})`, dash: line.dash && [4, 3], round: line.dots, width: line.width });
      values.push(item.appendChild(document.createElement("b")));
    });
    if (lines.length > 1) host.after(list);
    const tell = (i) => {
      lines.forEach((line, k) => (values[k].textContent = i === null || i === undefined ? "" : say(line.y[i])));
    };
    const plot = new uPlot(options, [x, ...lines.map((line) => line.y)], host);
    const stick = document.createElement("div"), balls = lines.map(() => document.createElement("div"));
    if (marker) {
      stick.className = "marker";
      plot.over.append(stick);
      balls.forEach((ball) => ((ball.className = "dot"), plot.over.append(ball)));
    }
    let place = null;
    const mark = (value) => {
      place = value;
      const left = plot.valToPos(value, "x");
      stick.style.transform = `translateX(${left}px)`;
      balls.forEach((ball, k) => {
        const height = at01(x, lines[k].y, value);
        ball.hidden = height === null || height === undefined;
        if (!ball.hidden) ball.style.transform = `translate(${left}px,${plot.valToPos(height, "y")}px)`;
      });
    };
    new ResizeObserver(() => {
      const width = host.clientWidth;
      if (width && width !== plot.width) plot.setSize({ width, height: options.height });
      if (place !== null) mark(place);
    }).observe(host);
    again.push(() => plot.redraw(false));
    return { mark };
  };
  const decades = (low, high) => { // places for numbers on a logarithmic axis: about four of them, round
    const found = [], many = Math.log10(high / low), every = Math.ceil(many / 5);
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      const factors = many > 3 ? (power % every === 0 ? [1] : []) : many > 1.2 ? [1, 3] : many > 0.5 ? [1, 2, 5] : null;
      if (factors) found.push(...factors.map((factor) => factor * 10 ** power));
    }
    return (found.length ? found : ticks(low, high)).filter((value) => value >= low && value <= high);
  };

  const at01 = (x, y, value) => { // linear in between; x rising; nothing before its first
    const i = x.findIndex((place) => place >= value);
    if (i < 0) return y[y.length - 1];
    if (i === 0) return x[0] === value ? y[0] : null;
    if ( y[i] === null || y[i - 1] === null) return y[i];
    return y[i - 1] + ((y[i] - y[i - 1]) * (value - x[i - 1])) / (x[i] - x[i - 1]);
  };

  // ---- A film --------------------------------------------------------------------------------------------------------------

  const spent = {}; // milliseconds of drawing, a frame each: tests read it
  window.unstirSpent = spent;
  const seen = new IntersectionObserver((entries) => entries.forEach((e) => e.isIntersecting && e.target.firstSeen && e.target.firstSeen()), { threshold: 0.6 });

  // show(place) draws; words(place) -> [short readings]; spoken(place) -> a sentence.
  const film = (name, show, words, spoken, canvases) => {
    const slider = at(`${name}-slider`), button = at(`${name}-play`), reading = at(`${name}-reading`), aloud = at(`${name}-spoken`);
    const last = Number(slider.max);
    const spans = [];
    let playing = null, told = 0, later = 0;
    spent[name] = [];
    const tell = () => {
      told = performance.now();
      const sentence = spoken(Number(slider.value));
      aloud.textContent = sentence;
      canvases().forEach(([canvas, what]) => canvas.setAttribute("aria-label", `${what}. ${sentence}`));
    };
    const draw = (place) => {
      const start = performance.now();
      show(place);
      const readings = words(place);
      readings.forEach((text, i) => {
        if (!spans[i]) reading.append((spans[i] = document.createElement("span")));
        if (spans[i].textContent !== text) spans[i].textContent = text;
      });
      spent[name].push(performance.now() - start);
      if (spent[name].length > 500) spent[name].shift();
      slider.setAttribute("aria-valuetext", readings.join(", "));
      clearTimeout(later);
      if (performance.now() - told > 1500) tell();
      else later = setTimeout(tell, 400);
    };
    const halt = () => {
      cancelAnimationFrame(playing);
      playing = null;
      button.textContent = "Play";
    };
    const play = () => {
      let from = Number(slider.value) >= last ? 0 : Number(slider.value), start = null;
      button.textContent = "Pause";
      const step = (now) => {
        if (start === null) start = now;
        const place = Math.min(last, from + ((now - start) / 1000 / SECONDS) * last);
        if (Math.floor(place) !== Number(slider.value)) {
          slider.value = Math.floor(place);
          draw(Math.floor(place));
        }
        if (place >= last) halt();
        else playing = requestAnimationFrame(step);
      };
      playing = requestAnimationFrame(step);
    };
    const toggle = () => (playing === null ? play() : halt());
    button.addEventListener("click", toggle);
    slider.addEventListener("input", () => {
      if (playing !== null) halt();
      draw(Number(slider.value));
    });
    slider.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      toggle();
    });
    const kept = history.state && history.state[name]; // a page that reads itself again stands where it stood
    slider.value = kept ? kept : 0;
    draw(Number(slider.value));
    // Played once when it first comes into view, unless the reader wants no motion or the page renews itself.
    const box = at(`${name}-film`);
    box.firstSeen = () => {
      seen.unobserve(box);
      if (!still.matches && contents.status !== "running" && slider.value === "0" && playing === null) play();
    };
    seen.observe(box);
    return { busy: () => playing !== null, place: () => Number(slider.value), draw: () => draw(Number(slider.value)) };
  };
  const films = {};

  // ---- 1. Data to noise ----------------------------------------------------------------------------------------------------

  const classKey = (list, coloured) => {
    const fill = () => {
      list.replaceChildren();
      coloured.groups.slice(0, 20).forEach((group) => {
        const name = classes[group.name] === undefined ? `class ${group.name}` : String(classes[group.name]);
        keyEntry(list, name, { round: true, colour: group.colour() });
      });
    };
    fill();
    again.push(fill);
  };

  const forwardSection = (forward) => {
    const { shape } = forward.x0, count = shape[0], width = product(shape) / count, T = forward.n.length - 1;
    let x0 = unpack(forward.x0), eps = unpack(forward.eps), painter, note;
    const x = new Float32Array(x0.length);
    if (forward.show === "points") {
      const coloured = forward.labels ? byClass(forward.labels) : byAngle(x0, width);
      x0 = reorder(x0, coloured.order, width);
      eps = reorder(eps, coloured.order, width);
      painter = pointsPainter({ frame: forward.frame, axes: forward.axes, coloured, count });
      note = `${say(count, 6)} points`;
      if (forward.labels) classKey(at("forward-key"), coloured);
    } else {
      painter = pictures(forward.show, shape, forward.decode, x0);
      note = forward.show === "images" ? `${count} images` : `${Math.min(count, FIELDS)} sequences`;
    }
    at("forward-what").textContent = note;
    const picture = stage(at("forward-stage"), painter);
    const over = "n";
    const { bits } = forward;
    const charts = [
      chart("forward-signal", { x: forward.n, over, from: 0, marker: true, lines: [{ name: "ᾱ", y: forward.alpha_bar, colour: "accent" }] }),
      chart("forward-snr", { x: forward.n, over, marker: true, within: SEEN, lines: [{ name: "log-SNR", y: forward.log_snr, colour: "accent" }] }),
    ];
    const bitsLines = bits && [{ name: "by the model's error", y: bits.left, colour: "accent" }];
    if (bits) bitsLines.push({ name: "exact", y: bits.exact, colour: "c2", dash: [6, 4] }, { name: "knowing only the covariance", y: bits.gaussian, colour: GREY, dash: [2, 3] });
    if (bits) charts.push(chart("forward-bits", { x: bits.n, over, from: 0, span: [0, T], marker: true, lines: bitsLines }));
    const left = (n) => at01(bits.n, bits.left, n);
    const level = (n) => (forward.log_snr[n] !== null ? forward.log_snr[n] : n < T / 2 ? Infinity : -Infinity);
    const words = (n) => [
      `n = ${say(forward.n[n], 6)} of ${say(forward.n[T], 6)}`,
      `ᾱ = ${say(forward.alpha_bar[n])}`,
      `log-SNR ${say(level(n))} nats`,
      ...(bits ? [left(n) === null ? "all bits left" : `${say(left(n))} bits left`] : []),
    ];
    const show = (n) => {
      const alpha = forward.alpha[n], sigma = forward.sigma[n];
      for (let i = 0; i < x.length; i++) x[i] = alpha * x0[i] + sigma * eps[i]; // (1)
      picture.draw(x);
      charts.forEach((one) => one.mark(forward.n[n]));
    };
    const spoken = (n) => `Step ${n} of ${T}: share of the signal ${say(forward.alpha_bar[n])}${bits && left(n) !== null ? `, ${say(left(n))} bits left` : ""}.`;
    films.forward = film("forward", show, words, spoken, () => [[picture.canvas, `${note}: data with noise`]]);
  };

  // ---- 2. Noise to data ----------------------------------------------------------------------------------------------------

  const fieldPainter = (field) => { // draws the density and the arrows of the nearest kept moment, under the points
    const arrows = unpack(field.arrows), density = field.density && unpack(field.density);
    const [, G] = field.arrows.shape, longest = arrows.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
    const [, H, W] = field.density ? field.density.shape : [0, 0, 0];
    const shade = field.density && layer(W, H);
    return () => {
      let kept = "", cache = null;
      return (moment, shown) => (context, place) => {
        if (!shown.density && !shown.arrows) return;
        let k = 0;
        field.times.forEach((time, i) => (k = Math.abs(time - moment) < Math.abs(field.times[k] - moment) ? i : k));
        const { width, height } = context.canvas, name = [k, width, height, shown.density, shown.arrows, ink.accent].join();
        if (name !== kept) {
          kept = name;
          cache = layer(width, height);
          const pen = cache.getContext("2d"), { box, across, up } = place, [x0, x1, y0, y1] = field.frame;
          pen.beginPath();
          pen.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
          pen.clip();
          if (shown.density && density) {
            const values = density.subarray(k * H * W, (k + 1) * H * W), top = values.reduce((a, b) => Math.max(a, b), 1e-9);
            const pixels = shade.getContext("2d").createImageData(W, H), tint = rgb(ink.mark);
            for (let y = 0; y < H; y++) {
              for (let x = 0; x < W; x++) { // the first row is the lowest y
                const to = 4 * ((H - 1 - y) * W + x);
                tint.forEach((part, c) => (pixels.data[to + c] = part));
                pixels.data[to + 3] = 165 * Math.sqrt(Math.max(0, values[y * W + x]) / top);
              }
            }
            shade.getContext("2d").putImageData(pixels, 0, 0);
            pen.drawImage(shade, across(x0), up(y1), across(x1) - across(x0), up(y0) - up(y1));
          }
          if (shown.arrows) {
            const cellX = (x1 - x0) / (G - 1), cellY = (y1 - y0) / (G - 1), pixel = (across(x1) - across(x0)) / (x1 - x0);
            const every = cellX * pixel < 15 * devicePixelRatio ? 2 : 1, length = (0.9 * every * cellX) / longest;
            pen.strokeStyle = ink.ink;
            pen.globalAlpha = 0.55;
            pen.lineWidth = Math.max(1, width / 420);
            pen.beginPath();
            for (let i = 0; i < G; i += every) {
              for (let j = 0; j < G; j += every) { // i counts y, j counts x, both from the lowest
                const here = 2 * ((k * G + i) * G + j), dx = arrows[here] * length, dy = arrows[here + 1] * length;
                const x = x0 + j * cellX, y = y0 + i * cellY;
                const size = Math.hypot(dx, dy) * pixel;
                if (size < 0.5) continue;
                const tipX = across(x + dx / 2), tipY = up(y + dy / 2), angle = Math.atan2(-dy, dx), head = Math.min(0.45 * size, width / 60);
                pen.moveTo(across(x - dx / 2), up(y - dy / 2));
                pen.lineTo(tipX, tipY);
                pen.moveTo(tipX - head * Math.cos(angle - 0.5), tipY - head * Math.sin(angle - 0.5));
                pen.lineTo(tipX, tipY);
                pen.lineTo(tipX - head * Math.cos(angle + 0.5), tipY - head * Math.sin(angle + 0.5));
              }
            }
            pen.stroke();
          }
        }
        context.drawImage(cache, 0, 0);
      };
    };
  };

  const reverseSection = (reverse) => {
    const T = Number(at("reverse-slider").max);
    const shown = { density: Boolean(reverse.field), arrows: false };
    const field = reverse.field && fieldPainter(reverse.field);
    const actors = reverse.samplers.map((sampler, s) => {
      const { shape } = sampler.states, [F, count] = shape, size = product(shape) / F, width = size / count;
      let states = unpack(sampler.states), painter, behind = null;
      const moment = new Float32Array(size), final = states.subarray((F - 1) * size);
      if (reverse.show === "points") {
        const coloured = sampler.labels ? byClass(sampler.labels) : byAngle(final, width);
        if (sampler.labels && s === 0) classKey(at("reverse-key"), coloured);
        const sorted = new Float32Array(states.length);
        for (let f = 0; f < F; f++) sorted.set(reorder(states.subarray(f * size, (f + 1) * size), coloured.order, width), f * size);
        states = sorted;
        const under = field && field();
        painter = pointsPainter({ frame: reverse.frame, axes: reverse.axes, coloured, count, behind: (context, place) => behind && behind(context, place) });
        return actor(sampler, s, states, size, moment, painter, (t) => (behind = under && under(t, shown)));
      }
      painter = pictures(reverse.show, shape.slice(1), reverse.decode, final, 2);
      return actor(sampler, s, states, size, moment, painter, () => {});
    });
    const longest = reverse.samplers.reduce((a, b) => (b.times.length > a.times.length ? b : a));
    const forward = contents.forward;
    const level = (n) => (forward ? forward.log_snr[n] : at01([...longest.times].reverse(), [...longest.log_snr].reverse(), n / T));
    const show = (place) => actors.forEach((one) => one.show((T - place) / T));
    const words = (place) => {
      const n = T - place, value = level(n);
      return [`n = ${say(n, 6)} of ${say(T, 6)}`, `t = ${say(n / T)}`, `log-SNR ${say(value === null ? (n < T / 2 ? Infinity : -Infinity) : value)} nats`];
    };
    const spoken = (place) => `Step ${T - place} of ${T}, counted down to the samples.`;
    const canvases = () => actors.map((one) => [one.canvas, `${one.name}, ${say(one.count, 6)} samples on the way`]);
    films.reverse = film("reverse", show, words, spoken, canvases);
    ["density", "arrows"].forEach((what) => {
      const box = at(`reverse-${what}`);
      if (!box) return;
      const flip = () => {
        shown[what] = box.checked;
        films.reverse.draw();
      };
      shown[what] = box.checked;
      box.addEventListener("change", flip);
    });
    films.reverse.draw();
  };
  const actor = (sampler, s, states, size, moment, painter, before) => {
    const picture = stage(at(`reverse-stage-${s}`), painter), { times } = sampler;
    return {
      canvas: picture.canvas,
      name: sampler.name,
      count: sampler.states.shape[1],
      show(t) {
        let f = 0;
        while (f < times.length - 2 && times[f + 1] > t) f++;
        const one = Math.min(f + 1, times.length - 1), gap = times[f] - times[one];
        const share = gap > 0 ? Math.min(1, Math.max(0, (times[f] - t) / gap)) : 1;
        const here = f * size, there = one * size;
        for (let i = 0; i < size; i++) moment[i] = states[here + i] + share * (states[there + i] - states[here + i]);
        before(t);
        picture.draw(moment);
      },
    };
  };

  // ---- 3. Schedules and comparisons ----------------------------------------------------------------------------------------

  const schedulesSection = ({ t, chosen, curves }) => {
    const names = Object.keys(curves).sort((a, b) => (a === chosen) - (b === chosen)); // the chosen one last, on top
    const DASHES = [undefined, [8, 4], [2, 3]];
    const others = names.filter((name) => name !== chosen);
    const lines = (what) => names.map((name) => {
      if (name === chosen) return { name: `${name}, this run's`, y: curves[name][what], colour: "ink", width: 3 };
      const i = others.indexOf(name);
      return { name, y: curves[name][what], colour: `c${(i % 6) + 1}`, width: 1.8, dash: DASHES[Math.floor(i / 6) % 3] };
    });
    chart("schedules-signal", { x: t, over: "t", from: 0, lines: lines("alpha_bar") });
    chart("schedules-snr", { x: t, over: "t", within: SEEN, lines: lines("log_snr") });
  };
  const comparisonSection = ({ clouds }) => {
    (clouds || []).forEach(({ frame, axes, panels }, outer) => panels.forEach((panel, inner) => {
      const rows = unpack(panel.rows), [count] = panel.rows.shape;
      const painter = pointsPainter({ frame, axes, coloured: oneColour(count, inner ? "accent" : "soft"), count });
      stage(at(`cloud-${outer}-${inner}`), painter).draw(rows);
    }));
  };

  // ---- 4. Which steps are hard ---------------------------------------------------------------------------------------------

  const hardSection = (hard) => {
    const edged = (values) => values && [...values, values[values.length - 1]]; // a step's last value once more, for its right end
    const over = hard.unit;
    chart("hard-eps", {
      x: hard.n, over, from: 0, lines: [
        { name: "Gaussian baseline", y: edged(hard.gaussian_eps), colour: GREY, dash: [6, 4], steps: true },
        { name: "training", y: edged(hard.training_eps), colour: "c2", steps: true },
        { name: "held out", y: edged(hard.held_out_eps), colour: "c1", steps: true },
      ],
    });
    chart("hard-x0", {
      x: hard.n, over, logarithmic: true, lines: [
        { name: "Gaussian baseline", y: edged(hard.gaussian_x0), colour: GREY, dash: [6, 4], steps: true },
        { name: "held out", y: edged(hard.held_out_x0), colour: "c1", steps: true },
        { name: "best possible", y: edged(hard.best_x0), colour: "c3", dash: [2, 3], steps: true },
      ],
    });
    const { levels } = hard;
    if (!levels) return;
    const order = levels.log_snr.map((_, i) => i).filter((i) => levels.log_snr[i] !== null).sort((a, b) => levels.log_snr[a] - levels.log_snr[b]);
    const sorted = (values) => values && order.map((i) => values[i]);
    chart("hard-levels", {
      x: sorted(levels.log_snr), over: "log-SNR in nats", logarithmic: true, lines: [
        { name: "knowing only the variance", y: sorted(levels.variance_only), colour: GREY, dash: [6, 4] },
        { name: "training", y: sorted(levels.training), colour: "c2" },
        { name: "held out", y: sorted(levels.held_out), colour: "c1" },
        { name: "best possible", y: sorted(levels.best), colour: "c3", dash: [2, 3] },
      ],
    });
  };

  // ---- 5. Neighbours -------------------------------------------------------------------------------------------------------

  const neighboursSection = ({ show, pairs, low, high }) => {
    const key = at("neighbours-key"), flat = (value) => [value].flat(Infinity);
    const samples = pairs.map((pair) => flat(pair.sample)), nearest = pairs.map((pair) => flat(pair.nearest));
    if (show === "points") {
      keyEntry(key, "sample", { round: true, colour: "var(--accent)" });
      keyEntry(key, "nearest training row", { round: true, hollow: true, colour: "var(--c4)" });
      const axes = (contents.forward && contents.forward.axes) || ["x", "y"], all = [...samples, ...nearest];
      const sides = [0, 1].map((k) => reach(all.map((row) => row[k] || 0)));
      const half = 0.56 * Math.max(...sides.map(([low, high]) => high - low));
      const frame = sides.flatMap(([low, high]) => [(low + high) / 2 - half, (low + high) / 2 + half]);
      let place, ratio;
      stage(at("neighbours"), {
        fit(width, height, scale) {
          ratio = scale;
          place = axesLayer(width, height, scale, frame, axes);
        },
        paint(context) {
          context.clearRect(0, 0, context.canvas.width, context.canvas.height);
          context.drawImage(place.back, 0, 0);
          samples.forEach((row, i) => {
            const [x, y, u, v] = [place.across(row[0]), place.up(row[1] || 0), place.across(nearest[i][0]), place.up(nearest[i][1] || 0)];
            context.strokeStyle = ink.c4;
            context.lineWidth = 1.5 * ratio;
            context.beginPath();
            context.moveTo(x, y);
            context.lineTo(u, v);
            context.stroke();
            context.beginPath();
            context.arc(u, v, 5 * ratio, 0, 2 * Math.PI);
            context.stroke();
            context.fillStyle = ink.accent;
            context.beginPath();
            context.arc(x, y, 3 * ratio, 0, 2 * Math.PI);
            context.fill();
            context.fillStyle = ink.soft;
            context.font = `${11 * ratio}px ${FONT}`;
            const away = Math.hypot(x - u, y - v) || 1; // the number on the side that has no line
            context.textAlign = "center";
            context.textBaseline = "middle";
            context.fillText(String(i + 1), x + (11 * ratio * (x - u || 1)) / away, y + (11 * ratio * (y - v || -1)) / away);
          });
        },
      }).draw(true);
      return;
    }
    const range = low === undefined || low === null ? reach([...samples, ...nearest].flat()) : [low, high];
    pairs.forEach((pair, i) => {
      const both = Float32Array.from([...samples[i], ...nearest[i]]);
      let painter;
      if (show === "images") {
        const H = pair.sample.length, W = pair.sample[0].length, C = Array.isArray(pair.sample[0][0]) ? pair.sample[0][0].length : 1;
        painter = imagesPainter({ shape: C === 3 ? [2, H, W, 3] : [2, H, W], range, across: 2 });
      } else { // two curves in one field; of a sequence with several channels the first
        const C = Array.isArray(pair.sample[0]) ? pair.sample[0].length : 1, L = samples[i].length / C;
        const curves = new Float32Array(2 * L);
        for (let l = 0; l < L; l++) {
          curves[2 * l] = nearest[i][l * C];
          curves[2 * l + 1] = samples[i][l * C];
        }
        painter = sequencesPainter({ shape: [1, L, 2], range, across: 1, colours: (c) => (c ? ink.accent : ink.c2) });
        return stage(at(`neighbours-${i}`), painter).draw(curves);
      }
      return stage(at(`neighbours-${i}`), painter).draw(both);
    });
    if (show !== "images") {
      keyEntry(key, "sample", { colour: "var(--accent)" });
      keyEntry(key, "nearest training row", { colour: "var(--c2)" });
    }
  };

  // ---- 6. The run ----------------------------------------------------------------------------------------------------------

  const runSection = ({ metrics }) => {
    const { step, held_out: held } = metrics, all = [...new Set([...step, ...held.step])].sort((a, b) => a - b);
    const place = new Map(all.map((value, i) => [value, i]));
    const spread = (steps, values) => {
      const wide = new Array(all.length).fill(null);
      steps.forEach((value, i) => (wide[place.get(value)] = values[i]));
      return wide;
    };
    const lines = [
      { name: "training", y: spread(step, metrics.loss), colour: "c2", width: 1.3, joined: true },
      { name: "held out", y: spread(held.step, held.loss), colour: "c1", dots: true },
    ];
    if (held.gaussian !== null && held.gaussian !== undefined) lines.unshift({ name: "Gaussian baseline", y: all.map(() => held.gaussian), colour: GREY, dash: [6, 4] });
    chart("run-loss", { x: all, over: "step", logarithmic: true, lines });
    chart("run-lr", { x: step, over: "step", from: 0, lines: [{ name: "learning rate", y: metrics.lr, colour: "accent" }] });
    chart("run-speed", { x: step, over: "step", from: 0, lines: [{ name: "steps a second", y: metrics.speed, colour: "accent" }] });
  };

  // ---- All of it, and the menu ---------------------------------------------------------------------------------------------

  if (contents.forward) forwardSection(contents.forward);
  if (contents.reverse) reverseSection(contents.reverse);
  if (contents.schedules) schedulesSection(contents.schedules);
  if (contents.comparison) comparisonSection(contents.comparison);
  if (contents.hard) hardSection(contents.hard);
  if (contents.good && contents.good.neighbours && contents.good.neighbours.pairs.length) neighboursSection(contents.good.neighbours);
  if (contents.run) runSection(contents.run);

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const reading = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => {
    if (!isIntersecting) return;
    links.forEach((link, name) => (name === target.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
  }), { rootMargin: "-30% 0px -65% 0px" });
  document.querySelectorAll("main > section").forEach((section) => reading.observe(section));

  // A running page reads itself again, but never under the reader's hands.
  const refresh = at("refresh");
  if (refresh) {
    let paused = Boolean(history.state && history.state.paused);
    const label = () => (refresh.textContent = paused ? "Go on updating" : "Pause updates");
    refresh.addEventListener("click", () => {
      paused = !paused;
      label();
    });
    label();
    setInterval(() => {
      if (paused || document.hidden || Object.values(films).some((one) => one.busy())) return;
      history.replaceState({ paused, ...Object.fromEntries(Object.entries(films).map(([name, one]) => [name, one.place()])) }, "");
      location.reload();
    }, 5000);
  }
})();
