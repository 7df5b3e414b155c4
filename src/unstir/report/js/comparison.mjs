// The section "Comparison": true rows and the samples of each choice, side by side. Its tables and scores are in the page already.
import { oneColour } from "./colours.mjs";
import { pointsPainter } from "./points.mjs";
import { stage } from "./stage.mjs";
import { unpack } from "./unpack.mjs";

// The first panel has the true rows, in grey.
export const comparisonSection = ({ clouds }) => {
  (clouds || []).forEach(({ frame, axes, panels }, outer) => panels.forEach((panel, inner) => {
    const [count] = panel.rows.shape, coloured = oneColour(count, inner ? "accent" : "soft");
    const canvas = document.getElementById(`cloud-${outer}-${inner}`);
    stage(canvas, pointsPainter({ frame, axes, coloured, count })).draw(unpack(panel.rows));
  }));
};
