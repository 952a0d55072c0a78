/**
 * Prints whether the shipped model answers pictures of `nuwa scene` as it answers the evaluated ones (docs/world.md):
 * the questions of test scenes are asked on both, with every visual token and under Nüwa at 1/9.
 *
 *     node --import tsx scripts/measure-scenes.ts [scenes, by default 60]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { useBackend } from "../src/backend/select.ts";
import { parseBox } from "../src/core/boxes.ts";
import { noTap } from "../src/core/taps.ts";
import { answerBatch } from "../src/eval/run/answers.ts";
import { mark } from "../src/eval/tasks/marking.ts";
import { preprocess } from "../src/io/image.ts";
import { loadVlm, shapesWeights } from "../src/io/load.ts";
import { none } from "../src/methods/none.ts";
import { createPruning } from "../src/methods/registry.ts";
import { judged, type Said } from "../src/view/verdict.ts";
import type { Question } from "../src/world/question.ts";
import { questionRandom, questionsFor } from "../src/world/questions.ts";
import { scenePng } from "../src/world/rendering.ts";
import { type Scene, sceneOf } from "../src/world/scene.ts";
import { sceneFile } from "../src/world/scene-file.ts";

/** As long as an evaluation's answers. */
const LONGEST = 16;

const saidIn = (text: string): Said => {
  const box = parseBox(text);
  return { text, boxes: box ? [box] : [] };
};

console.log((await useBackend()).name);
const vlm = loadVlm(shapesWeights());
const methods = { none: none(), nuwa: createPruning("nuwa", vlm.model.config, {}) };
const folder = mkdtempSync(join(tmpdir(), "nuwa-scenes-"));

async function answersTo(bytes: Uint8Array, questions: readonly Question[], method: keyof typeof methods) {
  const path = join(folder, "scene.png");
  writeFileSync(path, bytes);
  const image = await preprocess(path, vlm.preprocessing);
  const asked = questions.map(({ text }) => ({ image, question: text }));
  return answerBatch(vlm, asked, { method: methods[method], tap: noTap, grey: false }, LONGEST);
}

/** How many of a kind of answers there are, hold on the other picture, and are right on each. */
const tallies = new Map<string, { all: number; held: number; evaluated: number; drawn: number }>();

async function compare(scene: Scene): Promise<void> {
  const questions = questionsFor(scene, questionRandom(scene));
  for (const method of ["none", "nuwa"] as const) {
    const evaluated = await answersTo(await scenePng(scene, vlm.preprocessing.side), questions, method);
    const drawn = await answersTo(await sceneFile(scene), questions, method);
    questions.forEach((question, i) => {
      const kind = `${method}, ${question.box ? "boxes" : "words"}`;
      const tally = tallies.get(kind) ?? { all: 0, held: 0, evaluated: 0, drawn: 0 };
      tallies.set(kind, tally);
      const [before, after] = [evaluated[i].answer, drawn[i].answer];
      tally.all++;
      tally.held += Number(judged(saidIn(before), saidIn(after)).holds);
      tally.evaluated += Number(mark(question, before).correct);
      tally.drawn += Number(mark(question, after).correct);
    });
  }
}

try {
  for (let seed = 0; seed < Number(process.argv[2] ?? 60); seed++) await compare(sceneOf("test", seed));
} finally {
  rmSync(folder, { recursive: true });
}
for (const [kind, { all, held, evaluated, drawn }] of tallies)
  console.log(`${kind}: ${held} of ${all} hold; right: ${evaluated} as evaluated, ${drawn} as drawn`);
