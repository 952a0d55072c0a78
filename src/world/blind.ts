import type { Box } from "../core/boxes.ts";
import { intersectionOverUnion } from "./geometry.ts";
import type { Question } from "./question.ts";
import { splitWords } from "./vocabulary.ts";

/**
 * Guessers that see the questions and not the pictures. Whatever they score above chance is what the
 * wording gives away; docs/world.md has the figures.
 */
export type Guesser = (question: Question) => string;

/** Counts of answers: key → answer → how often. */
type AnswerCounts = Map<string, Map<string, number>>;

function add(counts: AnswerCounts, key: string, answer: string): void {
  const answers = counts.get(key) ?? new Map<string, number>();
  answers.set(answer, (answers.get(answer) ?? 0) + 1);
  counts.set(key, answers);
}

/** Questions with the same possible answers. The guessers get this key, though not every text shows it. */
function groupOf({ family, style, claim }: Question): string {
  return style === "side" ? `${family} ${style} ${claim}` : `${family} ${style}`;
}

/** What a question asks, whatever the wording: its family, style, descriptions and claim. */
export function meaningOf({ family, style, about, other, claim }: Question): string {
  return JSON.stringify([family, style, about, other, claim]);
}

/**
 * Guesses the answer that was most frequent in training for the same key (the text, or the meaning), or
 * in the family and style where the key is new.
 */
export function fitTable(training: readonly Question[], keyOf: (question: Question) => string): Guesser {
  const counts: AnswerCounts = new Map();
  for (const question of training) {
    add(counts, keyOf(question), question.answer);
    add(counts, groupOf(question), question.answer);
  }
  const best = new Map([...counts].map(([key, answers]) => [key, [...answers].sort((a, b) => b[1] - a[1])[0][0]]));
  return (question) => best.get(keyOf(question)) ?? best.get(groupOf(question)) ?? "";
}

/**
 * Naive Bayes within a family and style on the words of the text and on pairs of neighbouring words, with one added to
 * each count.
 */
export function fitNaiveBayes(training: readonly Question[]): Guesser {
  const answers: AnswerCounts = new Map();
  const features: AnswerCounts = new Map();
  for (const question of training) {
    add(answers, groupOf(question), question.answer);
    for (const feature of featuresOf(question)) add(features, `${groupOf(question)} ${feature}`, question.answer);
  }
  return (question) => {
    const totals = [...(answers.get(groupOf(question)) ?? [])];
    const known = featuresOf(question).flatMap((feature) => features.get(`${groupOf(question)} ${feature}`) ?? []);
    const scored = totals.map(([answer, total]): [string, number] => [
      answer,
      known.reduce(
        (sum, counts) => sum + Math.log((counts.get(answer) ?? 0) + 1) - Math.log(total + 2),
        Math.log(total),
      ),
    ]);
    return scored.sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
  };
}

function featuresOf({ text }: Question): string[] {
  const words = splitWords(text);
  return [...new Set([...words, ...words.map((word, i) => `${word} ${words[i + 1] ?? ""}`)])];
}

/** Boxes tried, and boxes they are tried on, when the best constant box is looked for. */
const CANDIDATES = 400;
const JUDGES = 2000;

/** The one of the boxes that meets most of them with an IoU of at least 0.5: the best answer without a picture. */
export function bestConstantBox(boxes: readonly Box[]): Box {
  const judges = boxes.slice(0, JUDGES);
  const hits = (candidate: Box): number => judges.filter((box) => intersectionOverUnion(candidate, box) >= 0.5).length;
  const scored = boxes.slice(0, CANDIDATES).map((box) => ({ box, hits: hits(box) }));
  return scored.reduce((best, one) => (one.hits > best.hits ? one : best)).box;
}
