import { signal } from "@preact/signals";
import type { Question } from "../../../src/world/question.ts";
import { questionRandom, questionsFor } from "../../../src/world/questions.ts";
import { truthOf } from "../../../src/world/reading.ts";
import type { Scene } from "../../../src/world/scene.ts";
import { question } from "./state/state.ts";

/** Questions that are offered at once. */
const OFFERED = 6;
/** Boxes show most of what position ids do: about half of the questions ask for one. */
const WEIGHTS = { existence: 1, colour: 1, shape: 1, count: 1, relation: 1, grounding: 5 };

/** The question that the reader asked last; undefined: the one that the page was opened with. */
const wanted = signal<string | undefined>(undefined);

/** Questions that are offered about a scene. */
export function offeredFor(scene: Scene, round = 0): Question[] {
  return questionsFor(scene, questionRandom(scene, round), { count: OFFERED, weights: WEIGHTS });
}

/** Asks what the reader wants to know. */
export function wish(text: string): void {
  wanted.value = text;
  question.value = text;
}

/** Before another scene is taken: the reader's question stays where it has a true answer there, else one is offered. */
export function fitQuestion(scene: Scene): void {
  wanted.value ??= question.peek();
  const stays = truthOf(scene, wanted.value) !== undefined;
  question.value = stays ? wanted.value : (offeredFor(scene)[0]?.text ?? wanted.value);
}
