// A page that is not there: elements that keep what is done to them, canvases that record what is drawn, and the few functions of a
// browser that the modules call. No test here needs a browser; tests that do are in test_page.py.
import { readPalette } from "../../../src/unstir/report/js/theme.mjs";

export const COLOURS = {
  paper: "#ffffff", panel: "#eeeeee", ink: "#111111", soft: "#555555", line: "#dddddd", mark: "#808080", accent: "#0072b2",
  c1: "#100000", c2: "#200000", c3: "#300000", c4: "#400000", c5: "#500000", c6: "#600000",
  c7: "#700000", c8: "#800000", c9: "#900000", c10: "#a00000", c11: "#b00000", c12: "#c00000",
};
export const useColours = (colours = COLOURS) => readPalette((name) => ` ${colours[name.slice(2)]}`);

// A drawing context: every call is kept in `calls` as {name, args, state}, where state has the properties at that moment (colours,
// widths). A letter is 6 pixels wide.
const fakeContext = (canvas) => {
  const state = {}, calls = [];
  const own = {
    canvas,
    calls,
    measureText: (text) => ({ width: 6 * text.length }),
    createImageData: (width, height) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) }),
  };
  return new Proxy(state, {
    get: (_, name) => own[name] ?? (name in state ? state[name] : (...args) => calls.push({ name, args, state: { ...state } })),
    set: (_, name, value) => ((state[name] = value), true),
  });
};

export class FakeElement {
  constructor(tag = "div", more = {}) {
    Object.assign(this, { tag, children: [], attributes: {}, style: {}, listeners: {}, textContent: "", className: "", width: 300, height: 150 });
    Object.assign(this, { clientWidth: 400, clientHeight: 300, parentElement: null, value: "0", max: "100", checked: false }, more);
  }

  append(...children) {
    children.forEach((child) => (child.parentElement = this));
    this.children.push(...children);
  }

  appendChild(child) {
    this.append(child);
    return child;
  }

  after(element) { this.next = element; }
  replaceChildren(...children) { this.children = children; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  removeAttribute(name) { delete this.attributes[name]; }
  addEventListener(type, listener) { (this.listeners[type] ??= []).push(listener); }
  fire(type, event = {}) { (this.listeners[type] || []).forEach((listener) => listener(event)); }
  querySelector() { return this.found; }
  getContext() { return (this.context ??= fakeContext(this)); }
}

// The calls of one kind on a canvas.
export const drawn = (canvas, name) => canvas.getContext().calls.filter((call) => call.name === name);

// Puts a page into the global names, with the elements {id: element}. What it returns sets off what a browser would.
export const fakePage = (elements = {}, { calm = false, scale = 1, state = null } = {}) => {
  const page = { elements, frames: [], intervals: [], sized: [], seen: [], media: {}, made: [], reloads: 0, replaced: null, lists: {} };
  const element = (tag) => {
    const made = new FakeElement(tag);
    page.made.push(made);
    return made;
  };
  Object.assign(globalThis, {
    document: {
      hidden: false,
      documentElement: {},
      getElementById: (id) => elements[id] ?? null,
      querySelectorAll: (selector) => page.lists[selector] || [],
      createElement: element,
      createElementNS: (_, tag) => element(tag),
    },
    getComputedStyle: () => ({ getPropertyValue: (name) => ` ${(page.colours || COLOURS)[name.slice(2)]}` }),
    matchMedia: (query) => {
      page.media[query] ??= Object.assign(new FakeElement(), { matches: query.includes("reduced-motion") && calm });
      return page.media[query];
    },
    devicePixelRatio: scale,
    ResizeObserver: class {
      constructor(resized) { this.resized = resized; }
      observe(target) { page.sized.push({ target, resized: this.resized }); }
    },
    IntersectionObserver: class {
      constructor(changed, options) { Object.assign(this, { changed, options, targets: [] }); page.seen.push(this); }
      observe(target) { this.targets.push(target); }
      disconnect() { this.targets = []; }
    },
    requestAnimationFrame: (step) => page.frames.push(step),
    cancelAnimationFrame: () => (page.frames.length = 0),
    history: { state, replaceState: (kept) => (page.replaced = kept) },
    location: { reload: () => page.reloads++ },
    window: globalThis,
  });
  page.turnFrame = (now) => page.frames.splice(0).forEach((step) => step(now));
  page.comeIntoView = (target, isIntersecting = true) =>
    page.seen.filter((one) => one.targets.includes(target)).forEach((one) => one.changed([{ target, isIntersecting }]));
  useColours();
  return page;
};

// Stands for uPlot: keeps what it is told in `plots`. Its plot is 100 pixels wide for 1 of x, and 10 high for 1 of y.
export const fakePlots = () => {
  const plots = [];
  globalThis.uPlot = class {
    static paths = { stepped: (options) => ({ stepped: options }) };

    constructor(options, data, host) {
      Object.assign(this, { options, data, host, over: new FakeElement(), width: options.width, redrawn: 0, cursor: { idx: null } });
      plots.push(this);
    }

    valToPos(value, axis) { return axis === "x" ? 100 * value : 10 * value; }
    setSize(size) { Object.assign(this, size); }
    redraw() { this.redrawn++; }
  };
  return plots;
};

// The element that a chart is drawn into: its figure has a caption.
export const chartHost = (caption = "Loss") => {
  const figure = new FakeElement("figure", { found: { textContent: ` ${caption} ` } }), host = new FakeElement("div");
  figure.append(host);
  return host;
};

// The five elements of the film called `name`.
export const filmElements = (name, last) => ({
  [`${name}-film`]: new FakeElement(),
  [`${name}-slider`]: textValue(new FakeElement("input", { max: String(last) })),
  [`${name}-play`]: new FakeElement("button"),
  [`${name}-reading`]: new FakeElement(),
  [`${name}-spoken`]: new FakeElement(),
});

// The value of an input is always text.
const textValue = (input) => {
  let text = "0";
  return Object.defineProperty(input, "value", { get: () => text, set: (value) => (text = String(value)) });
};

// Numbers as the page has them: two bytes each, from `low` (-32768) to `high` (32767), the low byte first.
export const packed = (rows, shape, low, high) => {
  const bytes = Buffer.alloc(2 * rows.length);
  rows.forEach((value, i) => bytes.writeInt16LE(Math.round(((value - low) / (high - low)) * 65535) - 32768, 2 * i));
  return { shape, type: "int16", low: [low], high: [high], b64: bytes.toString("base64") };
};
export const labels = (values) => ({ shape: [values.length], type: "uint8", low: 0, high: 255, b64: Buffer.from(values).toString("base64") });

// Whether two lists of numbers agree to within `most`.
export const close = (found, expected, most = 1e-6) =>
  found.length === expected.length && [...found].every((value, i) => Math.abs(value - expected[i]) <= most);
