// The theme: the colours of page.css as they are now, light or dark, and who has to draw again when they change.

export const FONT = "system-ui, sans-serif";
export const GREY = "mark"; // the colour of baselines

const NAMES = ["paper", "panel", "ink", "soft", "line", "mark", "accent", "c1", "c2", "c3", "c4", "c5", "c6"];
export const palette = {}; // {name: "#rrggbb"}; c1 to c6 tell things apart
const redraws = [];

// `valueOf` gives the value of a CSS variable.
export const readPalette = (valueOf) => NAMES.forEach((name) => (palette[name] = valueOf(`--${name}`).trim()));

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
