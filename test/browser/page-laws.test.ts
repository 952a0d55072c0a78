import { describe, expect, it } from "vitest";
import { LAW_GROUPS, lawWords, WORDS } from "../../docs/page/src/sandbox/law-words.ts";
import { LAWS } from "../../src/laws/all.ts";

describe("the words of the page for laws", () => {
  it("are there for every law, each for one, in the order of the laws", () => {
    const starts = Object.keys(WORDS);
    const found = LAWS.map(({ sentence }) => starts.filter((start) => sentence.startsWith(start)));
    expect(found).toEqual(starts.map((start) => [start]));
    for (const { sentence } of LAWS) expect(Object.keys(LAW_GROUPS)).toContain(lawWords(sentence)?.group);
  });

  it("explain every letter that they use", () => {
    const letters = Object.values(WORDS).flatMap(
      ({ said }) => said.match(/(?<![\p{L}’'])[b-hj-zρ](?![\p{L}’'])/gu) ?? [],
    );
    // Told beside the laws, or, as m and ρ, in the sentence itself.
    expect([...new Set(letters)].sort()).toEqual(["k", "m", "n", "ρ"]);
  });
});
