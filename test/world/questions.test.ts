import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { COLOURS, SHAPES } from "../../src/world/attributes.ts";
import { boxText } from "../../src/world/coordinates.ts";
import { type Description, referent, withAttributes } from "../../src/world/description.ts";
import { HELD_OUT_PAIRS, isFrequent, isHeldOut, type Pair } from "../../src/world/pairs.ts";
import { FAMILIES, type Question } from "../../src/world/question.ts";
import { questionRandom, questionsFor } from "../../src/world/questions.ts";
import { type Scene, sceneOf } from "../../src/world/scene.ts";
import { SEEDS_PER_SPLIT, SPLITS, type Split } from "../../src/world/splits.ts";
import { solve } from "./solver.ts";

const split = fc.constantFrom(...SPLITS);
const seed = fc.integer({ min: 0, max: SEEDS_PER_SPLIT - 1 });

const ask = (scene: Scene, round = 0): Question[] => questionsFor(scene, questionRandom(scene, round));

/** Runs a check on every question of many scenes. */
function forQuestions(check: (question: Question, scene: Scene) => void, which: fc.Arbitrary<Split> = split): void {
  fc.assert(
    fc.property(which, seed, (one, number) => {
      const scene = sceneOf(one, number);
      for (const question of ask(scene)) check(question, scene);
    }),
    { numRuns: 300 },
  );
}

/** A description and those inside it. */
const nested = (description?: Description): Description[] =>
  description ? [description, ...nested(description.relation?.anchor)] : [];

describe("questionsFor", () => {
  it("gives answers that a separate solver reads from the text alone, by middles and by edges", () => {
    forQuestions(({ text, answer }, { shapes }) => {
      for (const reading of ["middles", "edges"] as const) {
        const solved = solve(shapes, text, reading);
        expect(typeof solved === "string" ? solved : boxText(solved as Question["box"] & object), text).toBe(answer);
      }
    });
  });

  it("refers to exactly one shape wherever it refers to one, and names it in the facts", () => {
    forQuestions(({ family, about, other, subjects, box, text }, scene) => {
      if (family === "existence" || family === "count") return expect(subjects).toEqual(withAttributes(scene, about));
      expect(referent(scene, about), text).toBe(subjects[0]);
      if (other) expect(referent(scene, other), text).toBe(subjects[1]);
      expect(box).toEqual(family === "grounding" ? scene.shapes[subjects[0]].box : undefined);
    });
  });

  it("keeps to the grounding styles: location words, none, or another shape", () => {
    forQuestions(({ family, style, about }) => {
      if (family !== "grounding") return;
      expect(about.location !== undefined).toBe(style === "place");
      expect(about.relation !== undefined).toBe(style === "relation");
    });
  });

  it("never names the attribute that it asks for", () => {
    forQuestions(({ family, about }) => {
      if (family === "colour" || family === "shape") expect(about[family]).toBeUndefined();
    });
  });

  it("asks for absent pairs as POPE does: frequent ones, and ones whose halves are there apart", () => {
    forQuestions(({ family, style, about, answer }, scene) => {
      if (family !== "existence" || answer === "yes") return;
      expect(withAttributes(scene, about)).toEqual([]);
      if (style === "frequent") expect(isFrequent(about as Pair)).toBe(true);
      if (style !== "adversarial") return;
      expect(withAttributes(scene, { colour: about.colour }).length).toBeGreaterThan(0);
      expect(withAttributes(scene, { shape: about.shape }).length).toBeGreaterThan(0);
    });
  });

  it("names no held-out pair outside the compositional split, neither as present nor as absent", () => {
    const seen = fc.constantFrom<Split>("train", "tuning", "test");
    forQuestions(({ about, other, text }) => {
      for (const { colour, shape } of [...nested(about), ...nested(other)])
        if (colour && shape) expect(isHeldOut({ colour, shape })).toBe(false);
      for (const { colour, shape } of HELD_OUT_PAIRS) expect(text).not.toContain(`${colour} ${shape}`);
    }, seen);
  });

  it("asks about held-out pairs in the compositional split", () => {
    forQuestions(({ family, style, about, answer, subjects }, { shapes }) => {
      if (family === "existence") return expect(isHeldOut(about as Pair)).toBe(true);
      if (family === "count" && (style === "all" || answer === "0")) return;
      expect(subjects.some((i) => isHeldOut(shapes[i]))).toBe(true);
    }, fc.constant("compositional"));
  });

  it("asks 13 different questions of all scenes of training, in the proportions wished for", () => {
    const questions = Array.from({ length: 1500 }, (_, number) => {
      const packed = ask(sceneOf("train", number));
      expect(packed.length).toBe(13);
      expect(new Set(packed.map(({ text }) => text)).size).toBe(13);
      return packed;
    }).flat();
    const share = (family: string): number =>
      questions.filter((question) => question.family === family).length / questions.length;
    for (const family of FAMILIES) expect(share(family), family).toBeCloseTo((family === "existence" ? 3 : 2) / 13, 1);
  });

  it("asks only the families with a weight, and as many questions as wished", () => {
    const scene = sceneOf("tuning", 4);
    const packed = questionsFor(scene, questionRandom(scene), { count: 5, weights: { grounding: 1, colour: 0 } });
    expect(packed.map(({ family }) => family)).toEqual(Array(5).fill("grounding"));
  });

  it("gives the same questions for the same seed and other ones in another round, as plain JSON", () => {
    fc.assert(
      fc.property(split, seed, (one, number) => {
        const scene = sceneOf(one, number);
        const packed = ask(scene);
        expect(ask(sceneOf(one, number))).toEqual(packed);
        expect(JSON.parse(JSON.stringify(packed))).toEqual(packed);
        expect(ask(scene, 1)).not.toEqual(packed);
      }),
    );
  });

  it("answers with a word of the family", () => {
    const answers: Record<string, readonly string[]> = {
      existence: ["yes", "no"],
      colour: COLOURS,
      shape: SHAPES,
      count: ["0", "1", "2", "3", "4", "5", "6"],
      relation: ["yes", "no", "left", "right", "above", "below"],
    };
    forQuestions(({ family, answer }) => {
      if (family === "grounding") expect(answer).toMatch(/^\[(\d\.\d\d, ){3}\d\.\d\d\]$/);
      else expect(answers[family]).toContain(answer);
    });
  });

  it("refuses weights and counts that cannot be used", () => {
    const scene = sceneOf("train", 0);
    const wrong = [
      { count: 0 },
      { count: 1.5 },
      { weights: {} },
      { weights: { colour: -1 } },
      { weights: { colour: 0 } },
    ];
    for (const options of wrong) expect(() => questionsFor(scene, questionRandom(scene), options)).toThrow(UsageError);
  });
});
