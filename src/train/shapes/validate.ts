import { FRACTIONS } from "../../core/boxes.ts";
import type { Method } from "../../methods/method.ts";
import { none } from "../../methods/none.ts";
import type { ImageInputs, Vlm } from "../../model/vlm.ts";
import { answerPrompts } from "../../pipeline/answer.ts";
import { intersectionOverUnion } from "../../world/geometry.ts";
import type { Family, Question } from "../../world/question.ts";
import { questionRandom, questionsFor } from "../../world/questions.ts";
import type { Scene } from "../../world/scene.ts";
import { answerText, boxIn, type Dialect, promptIds } from "./dialect.ts";
import { miniatureOf } from "./miniatures.ts";

/** A question, what the model answered, and its score. */
export interface Marked {
  readonly scene: Scene;
  readonly question: Question;
  readonly said: string;
  /** Grounding: intersection over union of the boxes, 0 when the answer is no box. Others: 1 if right, else 0. */
  readonly score: number;
}

/** What {@link validateAnswers} returns. */
export interface Validation {
  readonly marked: readonly Marked[];
  /**
   * Share of right answers by family; for grounding the share of boxes that overlap by more than half
   * (ACC@0.5), and `iou`, the mean overlap.
   */
  readonly figures: Record<string, number>;
}

/** How answers are validated. */
export interface ValidationOptions {
  /** The unpruned model unless given. */
  readonly method?: Method;
  /** Questions asked of each scene (13). */
  readonly questions?: number;
  /** Shares of the families among them; the world's own unless given. */
  readonly shares?: Readonly<Record<Family, number>>;
  /** Questions answered at once. */
  readonly batch?: number;
}

/** "[", four coordinates with three commas, "]" and the end. */
const MOST_TOKENS = 10;

/**
 * Asks a model about scenes and marks its answers, decoded greedily by the ordinary forward pass. Which
 * questions are asked follows from the scenes alone.
 */
export async function validateAnswers(
  model: Vlm,
  scenes: readonly Scene[],
  { method = none(), questions: count = 13, shares: weights, batch = 64 }: ValidationOptions = {},
): Promise<Validation> {
  const asked = scenes.flatMap((scene, picture) =>
    questionsFor(scene, questionRandom(scene), { count, weights }).map((question) => ({ scene, question, picture })),
  );
  const miniature = miniatureOf(model.config);
  const pixels = await miniature.pixelsOf(scenes);
  const values = pixels.length / scenes.length;
  const marked: Marked[] = [];
  for (let first = 0; first < asked.length; first += batch) {
    const some = asked.slice(first, first + batch);
    // Questions come picture by picture, so that a batch needs a run of pictures.
    const [from, to] = [some[0].picture, some[some.length - 1].picture + 1];
    const images = miniature.images(pixels.subarray(from * values, to * values));
    const said = await answersTo(
      model,
      miniature.dialect,
      images,
      some.map(({ question, picture }) => ({ text: question.text, image: picture - from })),
      method,
    );
    images.pixels.dispose();
    some.forEach(({ scene, question }, i) => {
      marked.push({ scene, question, said: said[i], score: scoreOf(question, said[i], miniature.dialect) });
    });
  }
  return { marked, figures: figuresOf(marked) };
}

/** Greedy answers to questions about the given pictures. */
async function answersTo(
  model: Vlm,
  dialect: Dialect,
  images: ImageInputs,
  questions: readonly { readonly text: string; readonly image: number }[],
  method: Method,
): Promise<string[]> {
  const prompts = questions.map(({ text }) => promptIds(dialect, text));
  const imagesOf = questions.map(({ image }) => [image]);
  const decode = (ids: readonly number[]) => answerText(dialect, ids);
  const answers = await answerPrompts(model, { decode }, { ...images, prompts, imagesOf }, method, {
    maxNewTokens: MOST_TOKENS,
  });
  return answers.map(({ text }) => text);
}

/** See {@link Marked}. @param boxUnit in which boxes are written */
export function scoreOf(
  { box, answer }: Question,
  said: string,
  { boxUnit }: Pick<Dialect, "boxUnit"> = { boxUnit: FRACTIONS },
): number {
  if (!box) return said === answer ? 1 : 0;
  const found = boxIn({ boxUnit }, said);
  return found ? intersectionOverUnion(found, box) : 0;
}

function figuresOf(marked: readonly Marked[]): Record<string, number> {
  const byFamily = new Map<Family, number[]>();
  for (const { question, score } of marked)
    byFamily.set(question.family, [...(byFamily.get(question.family) ?? []), score]);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const figures: Record<string, number> = {};
  for (const [family, scores] of byFamily) {
    figures[family] = mean(family === "grounding" ? scores.map((overlap) => (overlap >= 0.5 ? 1 : 0)) : scores);
    if (family === "grounding") figures.iou = mean(scores);
  }
  return figures;
}
