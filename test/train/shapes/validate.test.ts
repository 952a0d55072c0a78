import { expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { initialWeights } from "../../../src/train/shapes/initial.ts";
import { miniatureOf } from "../../../src/train/shapes/miniatures.ts";
import { scenesFrom } from "../../../src/train/shapes/pictures.ts";
import { configOfRecipe } from "../../../src/train/shapes/session.ts";
import { scoreOf, validateAnswers } from "../../../src/train/shapes/validate.ts";
import { questionRandom, questionsFor } from "../../../src/world/questions.ts";
import { sceneOf } from "../../../src/world/scene.ts";
import { leaked } from "../../support.ts";
import { MICRO } from "../support.ts";

const questions = Array.from({ length: 20 }, (_, seed) => sceneOf("tuning", seed)).flatMap((scene) =>
  questionsFor(scene, questionRandom(scene)),
);

it("the right answer scores 1, and a box nearly 1 because its coordinates are rounded", () => {
  for (const question of questions) {
    const score = scoreOf(question, question.answer);
    if (question.box) expect(score).toBeGreaterThan(0.75);
    else expect(score).toBe(1);
  }
});

it("another word, another box, or no box scores less", () => {
  for (const question of questions) {
    expect(scoreOf(question, "banana")).toBe(0);
    if (question.box) expect(scoreOf(question, "[ 0.00 , 0.00 , 0.01 , 0.01 ]")).toBeLessThan(0.1);
  }
});

it("validation marks every question once, reports each family, and leaves no tensors behind", async () => {
  await useBackend("wasm");
  const config = configOfRecipe(MICRO);
  const model = miniatureOf(config).create(initialWeights(config, randomFrom(1)));
  const scenes = scenesFrom("tuning", 0, 3);
  const asked = scenes.flatMap((scene) => questionsFor(scene, questionRandom(scene), { count: 5 }));
  const left = await leaked(async () => {
    const { marked, figures } = await validateAnswers(model, scenes, { questions: 5, batch: 4 });
    expect(marked.map(({ question }) => question.text)).toEqual(asked.map(({ text }) => text));
    expect(
      Object.keys(figures)
        .filter((name) => name !== "iou")
        .sort(),
    ).toEqual([...new Set(asked.map(({ family }) => family))].sort());
  });
  expect(left).toBe(0);
});
