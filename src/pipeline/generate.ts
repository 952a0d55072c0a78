import * as tf from "@tensorflow/tfjs";
import { UsageError } from "../core/errors.ts";
import type { Random } from "../core/random-numbers.ts";
import { best, checkScores } from "../core/ranking.ts";
import { run, tensorsIn } from "../core/readback.ts";
import { noTap, type Tap } from "../core/taps.ts";
import { positionLimit } from "../model/transformer/rope-scaling.ts";
import type { Vlm } from "../model/vlm.ts";
import { type Advanced, advanceAnywhere } from "./decode.ts";
import { whileFinite } from "./finite.ts";
import { penalised, seenIds } from "./repetition.ts";

/** How the next token is drawn. Without it the best one is taken (greedy). */
export interface Sampling {
  /** Logits are divided by it; above 0. */
  readonly temperature: number;
  /** Nucleus: only the most probable tokens that together reach this probability are drawn from; in (0, 1]. */
  readonly topP: number;
  readonly random: Random;
}

/** Options of {@link generate}. */
export interface GenerateOptions {
  /** From 0; Infinity: until every sample ends. */
  readonly maxNewTokens: number;
  readonly sampling?: Sampling;
  /** A sample ends when it draws one of these; the model's end-of-sequence ids unless given. Empty: never. */
  readonly stopTokens?: readonly number[];
  /** Sees every decoding step; the prefill has its own. */
  readonly tap?: Tap;
}

/**
 * Decodes token by token and yields, as it goes, one id per sample; undefined for samples that have
 * ended. The stop token itself is not yielded. A sample also ends where the model has no position
 * (max_position_embeddings) to go on from. The model's repetition penalty is applied, as transformers does, also where
 * the best token is taken. Leaves `start` to its owner, frees everything else, also
 * when the consumer stops early.
 *
 * @param start logits and state of a prefill (`forward`) or of an earlier `advance`
 * @throws UsageError when an option has no meaning
 * @throws NonFiniteError naming where NaN or infinite values arose
 */
export async function* generate(
  model: Vlm,
  start: Advanced,
  options: GenerateOptions,
): AsyncGenerator<(number | undefined)[]> {
  const { maxNewTokens, sampling, stopTokens = model.config.text.eosTokenIds, tap = noTap } = options;
  if (!(Number.isInteger(maxNewTokens) || maxNewTokens === Number.POSITIVE_INFINITY) || maxNewTokens < 0)
    throw new UsageError(`maxNewTokens ${maxNewTokens} is not an integer from 0.`);
  if (sampling) checkSampling(sampling);
  const { imageTokenId, text } = model.config;
  const { repetitionPenalty = 1 } = text;
  let current = start;
  const ended = start.state.layers[0].nextPosition.map(() => false);
  try {
    for (let step = 0; step < maxNewTokens; step++) {
      const values = (await current.logits.data()) as Float32Array;
      const vocabulary = values.length / ended.length;
      const ids = ended.map((_, sample) => {
        const logits = values.subarray(sample * vocabulary, (sample + 1) * vocabulary);
        if (repetitionPenalty === 1) return pick(logits, sampling);
        const seen = seenIds(current.state.layers[0].sequence[sample], imageTokenId);
        return pick(penalised(logits, seen, repetitionPenalty), sampling);
      });
      ids.forEach((id, sample) => {
        ended[sample] ||= stopTokens.includes(id);
      });
      if (ended.every(Boolean)) return;
      yield ids.map((id, sample) => (ended[sample] ? undefined : id));
      if (step === maxNewTokens - 1) return;
      const { layers } = current.state;
      ended.forEach((_, sample) => {
        ended[sample] ||= layers.some(({ nextPosition }) => nextPosition[sample] >= positionLimit(model.config.text));
      });
      if (ended.every(Boolean)) return;
      // Ended samples are fed on with what they drew; their output is not used.
      const { state } = current;
      const fed = ids.map((id) => [id]);
      const next = await run(() =>
        whileFinite(model, {}, tap, (watching) => advanceAnywhere(model, state, fed, watching, step + 1)),
      );
      free(current, start);
      current = next;
    }
  } finally {
    free(current, start);
  }
}

function free(current: Advanced, start: Advanced): void {
  if (current !== start) tf.dispose(tensorsIn(current));
}

function checkSampling({ temperature, topP }: Sampling): void {
  if (!(temperature > 0 && Number.isFinite(temperature)))
    throw new UsageError(`temperature ${temperature} is not a positive number. Leave it out for greedy decoding.`);
  if (!(topP > 0 && topP <= 1)) throw new UsageError(`top-p ${topP} is not in (0, 1].`);
}

/** The next token from one row of logits. @throws NuwaError when they hold NaN or infinities */
export function pick(logits: Float32Array, sampling?: Sampling): number {
  checkScores("logits", logits);
  if (!sampling) return logits.reduce((top, value, id) => (value > logits[top] ? id : top), 0);
  const { temperature, topP, random } = sampling;
  const ranked = best([...logits.keys()], logits, logits.length);
  const highest = logits[ranked[0]];
  const weights = ranked.map((id) => Math.exp((logits[id] - highest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // Nucleus sampling (Holtzman et al., arXiv 1904.09751): the token that crosses the threshold still counts.
  let count = 0;
  let mass = 0;
  while (count < weights.length && mass < topP * total) mass += weights[count++];
  let left = random() * mass;
  for (let i = 0; i < count; i++) {
    left -= weights[i];
    if (left < 0) return ranked[i];
  }
  return ranked[count - 1];
}
