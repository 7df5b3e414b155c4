import assert from "node:assert/strict";
import test, { mock } from "node:test";

import { FakeElement, fakePage } from "./fakes.mjs";
import { refreshWhileRunning } from "../../../src/unstir/report/js/refresh.mjs";

const opened = (options, films = {}) => {
  const refresh = new FakeElement("button"), page = fakePage({ refresh }, options);
  const timer = mock.method(globalThis, "setInterval", (turn, milliseconds) => Object.assign(page, { turn, milliseconds }));
  refreshWhileRunning(films);
  timer.mock.restore();
  return { page, refresh };
};
const film = (place, busy = false) => ({ place: () => place, busy: () => busy });

test("it reads itself again every five seconds, and keeps where its films stand", () => {
  // Catches a page that starts its films at 0 every five seconds.
  const { page } = opened({}, { forward: film(300), reverse: film(12) });
  assert.equal(page.milliseconds, 5000);
  page.turn();
  assert.equal(page.reloads, 1);
  assert.deepEqual(page.replaced, { paused: false, forward: 300, reverse: 12 });
});

test("not while a film plays, and not in a hidden window", () => {
  // Catches a film that never comes to its end on a running page.
  const playing = opened({}, { forward: film(300), reverse: film(12, true) });
  playing.page.turn();
  assert.equal(playing.page.reloads, 0);
  const { page } = opened();
  document.hidden = true;
  page.turn();
  assert.equal(page.reloads, 0);
});

test("the button stops it, and says what it will do", () => {
  // Catches a label that says the opposite, and a pause that a reload by hand forgets.
  const { page, refresh } = opened();
  assert.equal(refresh.textContent, "Pause updates");
  refresh.fire("click");
  page.turn();
  assert.deepEqual([page.reloads, refresh.textContent], [0, "Go on updating"]);
  refresh.fire("click");
  page.turn();
  assert.equal(page.reloads, 1);
  const again = opened({ state: { paused: true } });
  again.page.turn();
  assert.deepEqual([again.page.reloads, again.refresh.textContent], [0, "Go on updating"]);
});

test("a finished page has no button, and is left alone", () => {
  const page = fakePage(), timer = mock.method(globalThis, "setInterval", () => assert.fail("a finished page must not renew itself"));
  refreshWhileRunning({});
  timer.mock.restore();
  assert.equal(page.reloads, 0);
});
