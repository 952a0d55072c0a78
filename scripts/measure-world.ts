/**
 * Prints the figures of docs/world.md: how fast scenes, pictures and questions are made, and what guessers
 * score that read the questions and see no picture.
 *
 *     node --import tsx scripts/measure-world.ts [training scenes, by default 40000]
 */

import { type Box, parseBox } from "../src/core/boxes.ts";
import { bestConstantBox, fitNaiveBayes, fitTable, type Guesser, meaningOf } from "../src/world/blind.ts";
import { boxText } from "../src/world/coordinates.ts";
import { intersectionOverUnion } from "../src/world/geometry.ts";
import { FAMILIES, type Question } from "../src/world/question.ts";
import { questionRandom, questionsFor } from "../src/world/questions.ts";
import { renderScenes } from "../src/world/rendering.ts";
import { sceneOf } from "../src/world/scene.ts";
import type { Split } from "../src/world/splits.ts";

type Key = (question: Question) => string;

function questionsOf(split: Split, scenes: number): Question[] {
  return Array.from({ length: scenes }, (_, seed) => {
    const scene = sceneOf(split, seed);
    return questionsFor(scene, questionRandom(scene));
  }).flat();
}

async function printSpeeds(): Promise<void> {
  for (const size of [96, 144, 192, 336]) {
    const scenes = Array.from({ length: size < 150 ? 1600 : 480 }, (_, seed) => sceneOf("tuning", seed));
    const start = process.cpuUsage();
    await renderScenes(scenes, size);
    const { user, system } = process.cpuUsage(start);
    console.log(`pictures of ${size} px: ${Math.round((scenes.length * 1e6) / (user + system))} a second of one core`);
  }
  const start = process.cpuUsage();
  questionsOf("tuning", 2000);
  const { user, system } = process.cpuUsage(start);
  console.log(`scenes with 13 questions each: ${Math.round(2000e6 / (user + system))} a second of one core`);
}

const share = (right: number, all: number): string => (right / all).toFixed(3);

function accuracy(questions: readonly Question[], guess: Guesser): string {
  return share(questions.filter((question) => guess(question) === question.answer).length, questions.length);
}

/** ACC@0.5 of the best constant box for each key. */
function boxAccuracy(training: readonly Question[], test: readonly Question[], keyOf: Key): string {
  const boxes = new Map<string, Box[]>();
  for (const question of training) {
    const list = boxes.get(keyOf(question)) ?? [];
    list.push(question.box as Box);
    boxes.set(keyOf(question), list);
  }
  const best = new Map([...boxes].map(([key, list]) => [key, bestConstantBox(list)]));
  const right = test.filter(({ box, ...rest }) => {
    const guess = best.get(keyOf(rest as Question));
    return guess && intersectionOverUnion(guess, box as Box) >= 0.5;
  });
  return share(right.length, test.length);
}

function printBalance(training: readonly Question[], test: readonly Question[]): void {
  const guessers: Guesser[] = [
    fitTable(training, ({ text }) => text),
    fitTable(training, meaningOf),
    fitNaiveBayes(training),
  ];
  console.log("family style questions chance by-text by-meaning by-words");
  for (const family of FAMILIES.filter((one) => one !== "grounding")) {
    const asked = test.filter((question) => question.family === family);
    for (const style of ["(all)", ...new Set(asked.map((question) => question.style))]) {
      const some = asked.filter((question) => style === "(all)" || question.style === style);
      const chance = some.reduce((sum, question) => sum + question.chance, 0) / some.length;
      console.log(family, style, some.length, chance.toFixed(3), ...guessers.map((guess) => accuracy(some, guess)));
    }
  }
}

function printBoxes(training: readonly Question[], test: readonly Question[]): void {
  const keys: Record<string, Key> = {
    "one constant box": () => "",
    "a box for each size word": ({ about }) => `${about.size}`,
    "a box for each size and location": ({ about }) => `${about.size} ${about.location} ${about.relation?.direction}`,
    "a box for each size, location and shape": ({ about }) =>
      `${about.size} ${about.location} ${about.relation?.direction} ${about.shape}`,
  };
  for (const style of ["all styles", "place", "attributes", "relation"]) {
    const some = (list: readonly Question[]) => list.filter((one) => style === "all styles" || one.style === style);
    for (const [name, keyOf] of Object.entries(keys))
      console.log(`grounding, ${style}, ${name}: ACC@0.5`, boxAccuracy(some(training), some(test), keyOf));
  }
  const rounding = test.map(({ box }) => intersectionOverUnion(box as Box, parseBox(boxText(box as Box)) as Box));
  const mean = rounding.reduce((sum, iou) => sum + iou, 0) / rounding.length;
  console.log(`rounding to coordinate tokens: mean IoU ${mean.toFixed(3)}, least ${Math.min(...rounding).toFixed(3)}`);
}

await printSpeeds();
const training = questionsOf("train", Number(process.argv[2] ?? 40_000));
console.log(`guessers fitted on ${training.length} training questions`);
for (const split of ["test", "compositional"] as const) {
  const test = questionsOf(split, 4000);
  console.log(`\n${split}: ${test.length} questions of 4000 scenes`);
  printBalance(training, test);
  const boxes = (list: readonly Question[]) => list.filter(({ family }) => family === "grounding");
  printBoxes(boxes(training), boxes(test));
}
