import assert from "node:assert/strict";
import test from "node:test";

import { FakeElement, fakePage } from "./fakes.mjs";
import { followReading } from "../../../src/unstir/report/js/menu.mjs";

test("one entry is marked: that of the section being read", () => {
  // Catches two marked entries, and a section that leaves the window and takes the mark with it.
  const page = fakePage(), link = (name) => new FakeElement("a", { hash: `#${name}` });
  const links = { forward: link("forward"), run: link("run") }, sections = [{ id: "forward" }, { id: "run" }];
  page.lists = { "nav a": Object.values(links), "main > section": sections };
  followReading();
  const marked = () => Object.keys(links).filter((name) => links[name].attributes["aria-current"] === "true");
  assert.deepEqual(marked(), []);
  page.comeIntoView(sections[0]);
  assert.deepEqual(marked(), ["forward"]);
  page.comeIntoView(sections[1]);
  page.comeIntoView(sections[0], false);
  assert.deepEqual(marked(), ["run"]);
});
