// The section "Comparison": true rows and the samples of each choice, side by side. Its tables and scores are in the page already.
import { oneColour } from "./colours.mjs";
import { imagesPainter } from "./images.mjs";
import { pointsPainter } from "./points.mjs";
import { sequencesPainter } from "./sequences.mjs";
import { stage } from "./stage.mjs";
import { unpack } from "./unpack.mjs";

// The first panel has the true rows. Each has a colour, that of its name in every figure. Points have a frame and axes; images and sequences a range of values, `span`.
export const comparisonSection = ({ samples }) => {
  (samples || []).forEach(({ show, frame, axes, span, panels }, outer) => panels.forEach((panel, inner) => {
    const { shape } = panel.rows, [count] = shape;
    const painters = {
      points: () => pointsPainter({ frame, axes, coloured: oneColour(count, panel.colour), count }),
      images: () => imagesPainter({ shape, range: span }),
      sequences: () => sequencesPainter({ shape, range: span }),
    };
    stage(document.getElementById(`samples-${outer}-${inner}`), painters[show]()).draw(unpack(panel.rows));
  }));
};
