import assert from "node:assert/strict";
import test, { mock } from "node:test";

import { FakeElement, fakePage, filmElements } from "./fakes.mjs";
import { film, placeAfter } from "../../../src/unstir/report/js/film.mjs";

const opened = (more = {}, { autoplay = true, ...options } = {}) => {
  const elements = { ...filmElements("reverse", 700), ...more }, page = fakePage(elements, options), shown = [];
  const canvas = new FakeElement("canvas");
  const one = film("reverse", {
    show: (place) => shown.push(place),
    words: (place) => [`n = ${place}`, "second"],
    spoken: (place) => `Step ${place}.`,
    canvases: () => [[canvas, "Samples"]],
    autoplay,
  });
  const part = (name) => elements[`reverse-${name}`];
  const [slider, button, reading, spoken, box] = ["slider", "play", "reading", "spoken", "film"].map(part);
  return { one, page, shown, canvas, slider, button, reading, spoken, box };
};

test("seven seconds from the first place to the last, whatever their number, and then it stops", () => {
  // Catches a place that counts frames (a fast screen would play faster), and one that forgets where it started.
  assert.equal(placeAfter(0, 7000, 1000), 1000);
  assert.equal(placeAfter(0, 3500, 1000), 500);
  assert.equal(placeAfter(200, 700, 1000), 300);
  assert.equal(placeAfter(900, 60000, 1000), 1000);
});

test("the first picture is drawn at once, with its readings", () => {
  // Catches an empty canvas until the slider is moved, and a reading that is added at every frame.
  const { shown, slider, reading } = opened();
  assert.deepEqual(shown, [0]);
  slider.value = 30;
  slider.fire("input");
  assert.deepEqual(shown, [0, 30]);
  assert.deepEqual(reading.children.map((span) => span.textContent), ["n = 30", "second"]);
  assert.equal(slider.attributes["aria-valuetext"], "n = 30, second");
});

test("a page that reads itself again stands where it stood", () => {
  assert.deepEqual(opened({}, { state: { reverse: 412, forward: 3 } }).shown, [412]);
});

test("the button plays, and stops", () => {
  // 1.4 of 7 seconds is a fifth of 700. Catches a button that says the opposite, and a film that goes on after it was stopped.
  const { one, page, shown, slider, button } = opened();
  button.fire("click");
  assert.equal(button.textContent, "Pause");
  page.turnFrame(5000); // the time of the first frame is where it starts, not 0
  page.turnFrame(6400);
  assert.deepEqual([slider.value, shown.at(-1), one.busy()], ["140", 140, true]);
  button.fire("click");
  page.turnFrame(9000);
  assert.deepEqual([slider.value, button.textContent, one.busy()], ["140", "Play", false]);
});

test("a film that has ended starts again from the beginning", () => {
  const { page, slider, button, one } = opened();
  button.fire("click");
  page.turnFrame(0);
  page.turnFrame(8000);
  assert.deepEqual([slider.value, one.busy(), button.textContent], ["700", false, "Play"]);
  button.fire("click");
  page.turnFrame(10000);
  page.turnFrame(10700);
  assert.equal(slider.value, "70");
});

test("a hand on the slider stops the film", () => {
  // Catches a slider that runs away under the reader's hand.
  const { one, page, slider, button } = opened();
  button.fire("click");
  page.turnFrame(0);
  slider.value = 10;
  slider.fire("input");
  assert.equal(one.busy(), false);
  page.turnFrame(3000);
  assert.equal(one.place(), 10);
});

test("the space bar on the slider plays; other keys are the slider's own", () => {
  // Catches a space bar that also scrolls the page, and arrows that no longer move.
  const { one, slider } = opened();
  let prevented = 0;
  const press = (key) => slider.fire("keydown", { key, preventDefault: () => prevented++ });
  press("ArrowRight");
  assert.deepEqual([prevented, one.busy()], [0, false]);
  press(" ");
  assert.deepEqual([prevented, one.busy()], [1, true]);
});

test("it plays once when it first comes into view", () => {
  // Catches a film that starts anew whenever the reader scrolls by.
  const { one, page, box, button } = opened();
  page.comeIntoView(box, false);
  assert.equal(one.busy(), false);
  page.comeIntoView(box);
  assert.equal(one.busy(), true);
  button.fire("click");
  page.comeIntoView(box);
  assert.equal(one.busy(), false);
});

test("it does not play by itself for who wants no motion, on a running page, or where the slider was moved", () => {
  for (const options of [{ calm: true }, { autoplay: false }, { state: { reverse: 5 } }]) {
    const { one, page, box } = opened({}, options);
    page.comeIntoView(box);
    assert.equal(one.busy(), false, JSON.stringify(options));
  }
});

test("screen readers hear a sentence, not every frame", async () => {
  // At first at most one sentence in 1.5 seconds, and the last one when the slider stands still. Catches a sentence for each of a
  // hundred frames, and a description of a picture that is no longer there.
  const { slider, spoken, canvas } = opened();
  await new Promise((done) => setTimeout(done, 450));
  assert.equal(spoken.textContent, "Step 0.");
  for (let place = 1; place <= 5; place++) {
    slider.value = place;
    slider.fire("input");
  }
  assert.equal(spoken.textContent, "Step 0.");
  await new Promise((done) => setTimeout(done, 450));
  assert.equal(spoken.textContent, "Step 5.");
  assert.equal(canvas.attributes["aria-label"], "Samples. Step 5.");
});

test("the time of each drawing is kept, of the last five hundred", () => {
  // Catches a list that grows as long as the page is open.
  const { one } = opened();
  for (let i = 0; i < 600; i++) one.draw();
  assert.equal(one.spent.length, 500);
});

test("while it plays, screen readers hear a sentence every 1.5 seconds", () => {
  // Catches one that waits for the end, and one for each frame.
  let clock = 10000;
  const time = mock.method(performance, "now", () => clock), { slider, spoken } = opened();
  const at = (now, place) => {
    clock = now;
    slider.value = place;
    slider.fire("input");
    return spoken.textContent;
  };
  assert.deepEqual([at(10100, 1), at(11400, 2), at(11600, 3), at(13000, 4)], ["Step 0.", "Step 0.", "Step 3.", "Step 3."]);
  time.mock.restore();
});

test("the time of a drawing is that from its start to its end", () => {
  let clock = 500;
  const time = mock.method(performance, "now", () => (clock += 4)), { one } = opened();
  assert.ok(one.spent[0] >= 4 && one.spent[0] < 40, `${one.spent}`);
  time.mock.restore();
});
