import { UsageError } from "../core/errors.ts";
import type { Random } from "../core/random-numbers.ts";
import { shown } from "../core/schema.ts";
import { proposeCount } from "./counting.ts";
import { pickWeighted } from "./draws.ts";
import { proposeExistence } from "./existence.ts";
import { proposeGrounding } from "./grounding.ts";
import { proposeColour, proposeShape } from "./naming.ts";
import { FAMILIES, type Family, type Question } from "./question.ts";
import { proposeRelation } from "./relations.ts";
import type { Scene } from "./scene.ts";
import { sceneRandom } from "./splits.ts";

/** How many questions, and of which families. */
export interface QuestionOptions {
  /** Number of questions; 13 by default. */
  readonly count?: number;
  /** Shares of the families, ≥ 0, in any unit; a family that is left out is not asked. */
  readonly weights?: Readonly<Partial<Record<Family, number>>>;
}

/** The default shares: more questions about what is there than about where it is. */
export const DEFAULT_WEIGHTS: Readonly<Record<Family, number>> = {
  existence: 3,
  colour: 2,
  shape: 2,
  count: 2,
  relation: 2,
  grounding: 2,
};

/** Questions packed on one picture by default. */
export const DEFAULT_QUESTIONS = 13;

const PROPOSERS: Readonly<Record<Family, (scene: Scene, random: Random) => Question | undefined>> = {
  existence: proposeExistence,
  colour: proposeColour,
  shape: proposeShape,
  count: proposeCount,
  relation: proposeRelation,
  grounding: proposeGrounding,
};

/** How many of a family's proposals become questions, measured over training scenes: tried the more often. */
const YIELDS: Readonly<Record<Family, number>> = {
  existence: 0.76,
  colour: 0.49,
  shape: 0.5,
  count: 0.52,
  relation: 0.74,
  grounding: 0.89,
};

/** Tries for each question; a scene with few possible questions (one family of two shapes, say) then gets fewer. */
const TRIES = 30;

/**
 * Questions about a scene, in random order of families, no text twice.
 *
 * A proposal that is passed over is not tried again in another form: another family is drawn. So what
 * is asked stays in proportion over all scenes, on which the balance of the answers depends. For the same
 * reason a fact may be asked for again in other words (7 % of questions): leaving those out would bias
 * answers towards "no" and towards low counts.
 *
 * @returns `count` questions, or fewer when the scene has no more
 * @throws UsageError when the count or the weights cannot be used
 */
export function questionsFor(
  scene: Scene,
  random: Random,
  { count = DEFAULT_QUESTIONS, weights = DEFAULT_WEIGHTS }: QuestionOptions = {},
): Question[] {
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`questions per scene: ${count} is not 1 or more.`);
  const rates = FAMILIES.map((family) => (weights[family] ?? 0) / YIELDS[family]);
  if (rates.some((rate) => !(rate >= 0)) || !rates.some((rate) => rate > 0))
    throw new UsageError(`question weights ${shown(weights)}: give numbers ≥ 0, at least one above 0.`);
  const questions: Question[] = [];
  const texts = new Set<string>();
  for (let tries = 0; questions.length < count && tries < TRIES * count; tries++) {
    const family = FAMILIES[pickWeighted(random, rates)];
    const question = PROPOSERS[family](scene, random);
    if (!question || texts.has(question.text)) continue;
    texts.add(question.text);
    questions.push(question);
  }
  return questions;
}

/** Numbers 2, 3, … are for rounds of questions (see `sceneRandom`; 0 is the scene, 1 its noise). */
const FIRST_ROUND_ASPECT = 2;

/**
 * The random numbers for a round of questions about a scene: a scene met again in a later epoch may be
 * asked other questions.
 */
export function questionRandom(scene: Scene, round = 0): Random {
  return sceneRandom(scene.split, scene.seed, FIRST_ROUND_ASPECT + round);
}
