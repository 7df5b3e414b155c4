// The theme: the colours of page.css as they are now, light or dark, and who has to draw again when they change.

export const FONT = "system-ui, sans-serif";
export const GREY = "mark"; // the colour of baselines

const NAMES = ["paper", "panel", "ink", "soft", "line", "mark", "accent"];
export const COLOURS = Array.from({ length: 12 }, (_, i) => `c${i + 1}`); // tell things apart; the same as in figures
export const palette = {}; // {name: "#rrggbb"}
const redraws = [];

// `valueOf` gives the value of a CSS variable.
export const readPalette = (valueOf) => [...NAMES, ...COLOURS].forEach((name) => (palette[name] = valueOf(`--${name}`).trim()));

export const onThemeChange = (redraw) => redraws.push(redraw);

// Reads the colours now and whenever the reader's system turns light or dark.
export const followTheme = () => {
  const read = () => {
    const style = getComputedStyle(document.documentElement);
    readPalette((name) => style.getPropertyValue(name));
  };
  read();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    read();
    redraws.forEach((redraw) => redraw());
  });
};
