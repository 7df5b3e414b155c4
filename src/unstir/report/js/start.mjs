// The start: reads the numbers of the page from the block #contents, and draws each section that has some. Text reaches the page only
// as textContent or as letters on a canvas, never as markup.
import { answerSection } from "./answer.mjs";
import { comparisonSection } from "./comparison.mjs";
import { forwardSection } from "./forward.mjs";
import { hardSection } from "./hard.mjs";
import { informationSection } from "./information.mjs";
import { followReading } from "./menu.mjs";
import { neighboursSection } from "./neighbours.mjs";
import { refreshWhileRunning } from "./refresh.mjs";
import { reverseSection } from "./reverse.mjs";
import { schedulesSection } from "./schedules.mjs";
import { followTheme } from "./theme.mjs";
import { runSection } from "./training.mjs";

const { data, answer, forward, reverse, information, schedules, comparison, hard, good, run, status } = JSON.parse(document.getElementById("contents").textContent);
const classes = (data && data.classes) || [], autoplay = status !== "running", films = {};

followTheme();
if (answer && forward && reverse) answerSection({ forward, reverse, classes, kind: data && data.kind });
if (forward) films.forward = forwardSection(forward, { classes, autoplay });
if (reverse) films.reverse = reverseSection(reverse, { forward, classes, autoplay });
if (information) informationSection(information);
if (schedules) schedulesSection(schedules);
if (comparison) comparisonSection(comparison);
if (hard) hardSection(hard);
if (good && good.neighbours && good.neighbours.pairs.length) {
  neighboursSection(good.neighbours, (forward && forward.axes) || ["x", "y"]);
}
if (run) runSection(run);
followReading();
refreshWhileRunning(films);
window.unstirSpent = Object.fromEntries(Object.entries(films).map(([name, film]) => [name, film.spent])); // tests read it
