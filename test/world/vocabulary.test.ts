import { describe, expect, it } from "vitest";
import { COORDINATE_TOKENS } from "../../src/world/coordinates.ts";
import { questionRandom, questionsFor } from "../../src/world/questions.ts";
import { sceneOf } from "../../src/world/scene.ts";
import { SPLITS } from "../../src/world/splits.ts";
import { splitWords, vocabulary } from "../../src/world/vocabulary.ts";

const words = vocabulary();

describe("vocabulary", () => {
  it("holds every word of every question and answer, and no word that never occurs", () => {
    const used = new Set<string>();
    for (const split of SPLITS)
      for (let seed = 0; seed < 600; seed++) {
        const scene = sceneOf(split, seed);
        for (const { text, answer } of questionsFor(scene, questionRandom(scene)))
          for (const word of [...splitWords(text), ...splitWords(answer)]) used.add(word);
      }
    expect([...used].filter((word) => !words.includes(word))).toEqual([]);
    expect(words.filter((word) => !used.has(word) && !COORDINATE_TOKENS.includes(word))).toEqual([]);
  });

  it("has each word once, at most 150 besides the coordinates, which come last and in order", () => {
    expect(new Set(words).size).toBe(words.length);
    expect(words.length - COORDINATE_TOKENS.length).toBeLessThanOrEqual(150);
    expect(words.slice(-COORDINATE_TOKENS.length)).toEqual(COORDINATE_TOKENS);
  });
});

describe("splitWords", () => {
  it("sets punctuation apart, keeps coordinates whole and forgets capitals", () => {
    expect(splitWords("Is there a red circle?")).toEqual(["is", "there", "a", "red", "circle", "?"]);
    expect(splitWords("[0.12, 1.00]")).toEqual(["[", "0.12", ",", "1.00", "]"]);
    expect(splitWords("")).toEqual([]);
  });
});
