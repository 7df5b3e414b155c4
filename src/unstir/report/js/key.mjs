// Keys: lists under a picture of what each line or dot in it stands for. Names come from strangers: they are text, never markup.
import { onThemeChange } from "./theme.mjs";

const SVG = "http://www.w3.org/2000/svg";
const MOST = 20; // classes in a key

// Adds an entry to a list: a mark and its name. style: {colour, round, hollow, width, dash}.
export const keyEntry = (list, name, style) => {
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

// Fills a list with the classes of a colouring (colours.mjs), now and when the theme changes.
export const classKey = (list, coloured, classes) => {
  const fill = () => {
    list.replaceChildren();
    coloured.groups.slice(0, MOST).forEach((group) => {
      const name = classes[group.name] === undefined ? `class ${group.name}` : String(classes[group.name]);
      keyEntry(list, name, { round: true, colour: group.colour() });
    });
  };
  fill();
  onThemeChange(fill);
};
