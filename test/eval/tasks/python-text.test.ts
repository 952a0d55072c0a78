import { expect, it } from "vitest";
import { capitalised, decimal, firstCharacters, strippedAtEnd } from "../../../src/eval/tasks/python-text.ts";

/** What Python 3.12 says: text.capitalize(). */
it.each([
  ["", ""],
  ["éÀ", "Éà"],
  // Georgian has capital letters, but no title case.
  ["\u10d0\u10d1", "\u10d0\u10d1"],
  ["\u1c90\u10d0", "\u1c90\u10d0"],
  // Letters that are two in one.
  ["\u01c6a", "\u01c5a"],
  ["\u01c4A", "\u01c5a"],
  ["\u0149A", "\u02bcNa"],
  ["\u1fb3B", "\u1fbcb"],
  ["\xdfA", "Ssa"],
  ["\ufb01X", "Fix"],
  ["\u0390z", "\u0399\u0308\u0301z"],
  ["\u05871", "\u0535\u05821"],
  // The final sigma.
  ["a\u03a3", "A\u03c2"],
  ["\u03a3\u03a3", "\u03a3\u03c2"],
  ["\u{10428}\u{10400}", "\u{10400}\u{10428}"],
])("%j is capitalised as in Python", (text, capital) => {
  expect(capitalised(text)).toBe(capital);
});

it("characters are code points, and digits those of any script", () => {
  expect([firstCharacters("\u{1d7d7}\u{1d7d7}a", 2), firstCharacters("ab", 3), firstCharacters("ab", 0)]).toEqual([
    ...["\u{1d7d7}\u{1d7d7}", "ab", ""],
  ]);
  expect([strippedAtEnd("\0a\0\0", "\0"), strippedAtEnd("\0", "\0")]).toEqual(["\0a", ""]);
  // The digits of mathematics are five runs that touch.
  expect([decimal("\u0660.\u0665"), decimal("\u{1d7d7}\u{1d7d8}\u{1d7ff}"), decimal("-1.5")]).toEqual([0.5, 909, -1.5]);
});
