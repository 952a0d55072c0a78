import * as tf from "@tensorflow/tfjs";
import type { Slot } from "../core/slots.ts";
import { finalNorm, lmHead } from "../model/transformer/decoder.ts";
import { gatherRows } from "../model/transformer/layers.ts";
import { lastIndex } from "../model/transformer/sequence.ts";
import type { Vlm } from "../model/vlm.ts";
import type { Measure } from "./measure.ts";

/** What each visual token and the last token would say at each state of the decoder. */
export interface LogitLens {
  /**
   * For each of the L + 1 states the best token of the vocabulary at each visual token, by the number that the ledger
   * gives it; −2 where a token is not there: dropped before, or made later.
   */
  readonly top: readonly Int32Array[];
  /** Its softmax probability over the whole vocabulary; 0 where a token is not there. */
  readonly probability: readonly Float32Array[];
  /** For each state how many tokens of the vocabulary beat the run's greedy next token at the last position. */
  readonly lastRank: Int32Array;
}

/** Scores that are computed at a time: 64 MiB. */
const SCORES_AT_A_TIME = 2 ** 24;
const ABSENT = -2;

/**
 * The **logit lens** (nostalgebraist, "interpreting GPT: the logit lens", 2020): the final norm and the head of the
 * model on the states inside the decoder, state t being what enters layer t, and state L what leaves the last layer.
 */
export function logitLens(): Measure<LogitLens> {
  return logitLensInParts(SCORES_AT_A_TIME);
}

/** The same, with so many scores at a time as fit, those of one token at least: parts change nothing. */
export function logitLensInParts(scoresAtATime: number): Measure<LogitLens> {
  return (model, watch) => {
    const statesOf = watch.states();
    return async ({ ledger, slots, token }) => {
      const found = { top: [] as Int32Array[], probability: [] as Float32Array[], ranks: [] as number[] };
      for (const [t, state] of statesOf().entries()) {
        const visual = slots[t].flatMap((slot, row) => (slot?.kind === "visual" ? [{ row, number: slot.row }] : []));
        const top = new Int32Array(ledger.tokens.length).fill(ABSENT);
        const probability = new Float32Array(ledger.tokens.length);
        const atATime = Math.max(1, Math.floor(scoresAtATime / model.config.text.vocabSize));
        for (let start = 0; start < visual.length; start += atATime) {
          const part = visual.slice(start, start + atATime);
          const [ids, shares] = await bestAt(
            model,
            state,
            part.map(({ row }) => row),
          );
          part.forEach(({ number }, i) => {
            [top[number], probability[number]] = [ids[i], shares[i]];
          });
        }
        found.top.push(top);
        found.probability.push(probability);
        found.ranks.push(await rankAt(model, state, slots[t], token));
      }
      return { top: found.top, probability: found.probability, lastRank: Int32Array.from(found.ranks) };
    };
  };
}

/** Scores of the vocabulary at some rows of a state: [n, V]. */
function scoresAt(model: Vlm, state: tf.Tensor3D, rows: readonly number[]): tf.Tensor2D {
  return lmHead(model, finalNorm(model, gatherRows(state, [rows]))).squeeze<tf.Tensor2D>([0]);
}

/** The best token at some rows, and its probability. */
async function bestAt(model: Vlm, state: tf.Tensor3D, rows: readonly number[]): Promise<ArrayLike<number>[]> {
  const both = tf.tidy(() => {
    const scores = scoresAt(model, state, rows);
    return [scores.argMax(1), scores.max(1).sub(scores.logSumExp(1)).exp()];
  });
  const values = await Promise.all(both.map((one) => one.data()));
  tf.dispose(both);
  return values;
}

/** How many tokens of the vocabulary have a higher score than one at the last position. */
async function rankAt(model: Vlm, state: tf.Tensor3D, slots: readonly Slot[], token: number): Promise<number> {
  const scores = tf.tidy(() => scoresAt(model, state, [lastIndex(slots)]));
  const values = (await scores.data()) as Float32Array;
  scores.dispose();
  return values.reduce((count, value) => count + Number(value > values[token]), 0);
}
