import assert from "node:assert/strict";
import test from "node:test";

import { COLOURS, FakeElement, fakePage } from "./fakes.mjs";
import { classKey, keyEntry } from "../../../src/unstir/report/js/key.mjs";
import { followTheme, palette } from "../../../src/unstir/report/js/theme.mjs";

test("an entry has its mark and its name, and a name is text", () => {
  // Catches names that become markup: they come from strangers.
  fakePage();
  const list = new FakeElement("ul"), item = keyEntry(list, "<b>one</b>", { colour: "red", dash: [4, 3] });
  const [svg, label] = item.children, [mark] = svg.children;
  assert.equal(list.children[0], item);
  assert.equal(label.textContent, "<b>one</b>");
  assert.deepEqual([mark.tag, mark.style.stroke, mark.style.strokeDasharray, mark.style.strokeWidth], ["line", "red", "4 3", 2]);
  assert.equal(svg.attributes["aria-hidden"], "true"); // catches a mark that is read aloud
});

test("a dot is filled, a ring is not", () => {
  fakePage();
  const mark = (style) => keyEntry(new FakeElement("ul"), "", style).children[0].children[0];
  const dot = mark({ round: true, colour: "red" }), ring = mark({ round: true, hollow: true, colour: "red" });
  assert.deepEqual([dot.tag, dot.style.fill, dot.style.stroke], ["circle", "red", undefined]);
  assert.deepEqual([ring.style.fill, ring.style.stroke], ["none", "red"]);
});

test("classes have their names, or their numbers, at most twenty, and new colours with the theme", () => {
  // Catches names by the number of the group, and a key that is written twice after a change of theme.
  const page = fakePage(), list = new FakeElement("ul");
  followTheme();
  const groups = [{ name: 1, colour: () => palette.c1 }, { name: 7, colour: () => palette.c2 }];
  classKey(list, { groups }, ["zero", "one"]);
  assert.deepEqual(list.children.map((item) => item.children[1].textContent), ["one", "class 7"]);
  page.colours = { ...COLOURS, c1: "#123456" };
  page.media["(prefers-color-scheme: dark)"].fire("change");
  assert.equal(list.children.length, 2);
  assert.equal(list.children[0].children[0].children[0].style.fill, "#123456");
  const many = new FakeElement("ul");
  classKey(many, { groups: Array.from({ length: 50 }, (_, name) => ({ name, colour: () => "red" })) }, []);
  assert.equal(many.children.length, 20);
});
