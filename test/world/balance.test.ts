import { describe, expect, it } from "vitest";
import type { Box } from "../../src/core/boxes.ts";
import { bestConstantBox, fitNaiveBayes, fitTable, meaningOf } from "../../src/world/blind.ts";
import { COMPOSITIONAL_COUNT_FORMS, COUNT_FORMS, countable } from "../../src/world/counting.ts";
import { intersectionOverUnion } from "../../src/world/geometry.ts";
import { FAMILIES, type Question } from "../../src/world/question.ts";
import { questionRandom, questionsFor } from "../../src/world/questions.ts";
import { sceneOf } from "../../src/world/scene.ts";
import type { Split } from "../../src/world/splits.ts";

function questionsOf(split: Split, scenes: number): Question[] {
  return Array.from({ length: scenes }, (_, seed) => {
    const scene = sceneOf(split, seed);
    return questionsFor(scene, questionRandom(scene));
  }).flat();
}

const training = questionsOf("train", 5000);
const test = questionsOf("test", 2000);
const of = (questions: readonly Question[], family: string): Question[] =>
  questions.filter((question) => question.family === family);

describe("a guesser that sees no picture", () => {
  it("is at most 5 points better than chance in any family, by text, by meaning or by words", () => {
    const guessers = [fitTable(training, ({ text }) => text), fitTable(training, meaningOf), fitNaiveBayes(training)];
    for (const family of FAMILIES.filter((one) => one !== "grounding")) {
      const asked = of(test, family);
      const chance = asked.reduce((sum, question) => sum + question.chance, 0) / asked.length;
      for (const guess of guessers) {
        const right = asked.filter((question) => guess(question) === question.answer).length / asked.length;
        expect(right, family).toBeLessThan(chance + 0.05);
      }
    }
  });

  it("finds a leak where there is one", () => {
    const leaking = training
      .slice(0, 20_000)
      .map((question) => ({ ...question, text: `${question.text} ${question.answer}` }));
    const guess = fitNaiveBayes(leaking);
    const relations = of(leaking, "relation");
    expect(relations.filter((question) => guess(question) === question.answer).length / relations.length).toBe(1);
  });

  it("meets hardly any box with the best constant one", () => {
    const boxes = of(training, "grounding").map(({ box }) => box as Box);
    const constant = bestConstantBox(boxes);
    const asked = of(test, "grounding");
    const right = asked.filter(({ box }) => intersectionOverUnion(constant, box as Box) >= 0.5).length;
    expect(right / asked.length).toBeLessThan(0.05);
  });
});

describe("answers", () => {
  it("are yes as often as no in every style, whether a colour, a shape or a claim is named", () => {
    for (const family of ["existence", "relation"]) {
      const asked = of(training, family).filter(({ style }) => style !== "side");
      for (const style of new Set(asked.map((question) => question.style))) {
        const some = asked.filter((question) => question.style === style);
        const yes = some.filter(({ answer }) => answer === "yes").length / some.length;
        expect(Math.abs(yes - 0.5), `${family} ${style}`).toBeLessThan(0.03);
      }
    }
  });

  it("count 0, 1, 2 and 3 equally often for colours, shapes and sizes, and 2 to 6 for all", () => {
    for (const style of ["colour", "shape", "size", "all"]) {
      const some = of(training, "count").filter((question) => question.style === style);
      const [least, most] = style === "all" ? [2, 6] : [0, 3];
      for (let answer = least; answer <= most; answer++) {
        const share = some.filter((question) => question.answer === String(answer)).length / some.length;
        expect(Math.abs(share - some[0].chance), `${style} ${answer}`).toBeLessThan(0.03);
      }
    }
  });

  it("rest on counts that are available as often as counting.ts says", () => {
    for (const [split, forms] of [
      ["tuning", COUNT_FORMS],
      ["compositional", COMPOSITIONAL_COUNT_FORMS],
    ] as const) {
      const scenes = Array.from({ length: 5000 }, (_, seed) => sceneOf(split, seed));
      for (const form of forms) {
        const counts = scenes.map((scene) => countable(scene, form));
        form.availability.forEach((share, count) => {
          const found = counts.filter((available) => available[count].length > 0);
          expect(Math.abs(found.length / scenes.length - share), `${split} ${form.style} ${count}`).toBeLessThan(0.03);
        });
      }
    }
  });
});
