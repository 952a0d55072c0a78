import * as tf from "@tensorflow/tfjs";
import { indexOfLargest } from "../core/ranking.ts";
import { run, tensorsIn } from "../core/readback.ts";
import type { Position } from "../core/slots.ts";
import { type Pruning, withPositions } from "../methods/method.ts";
import { none } from "../methods/none.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../methods/nuwa/positions.ts";
import type { Vlm } from "../model/vlm.ts";
import { type ForwardInputs, forward } from "../pipeline/prefill.ts";
import type { Measure } from "./measure.ts";

/** What a run says under one position policy. */
export interface ReconstructedPositions {
  /** Position ids of the visual tokens that enter the decoder, in their order, one for each axis. */
  readonly ids: readonly Position[];
  /** Logits of the next token, [V]. */
  readonly logits: Float32Array;
  /** The greedy next token. */
  readonly token: number;
  /**
   * How far the distribution of the next token is from the unpruned model's: the Kullback-Leibler divergence
   * Σ p log₂(p/q), p unpruned, in bits.
   */
  readonly divergence: number;
}

/** What a method says under each position policy. */
export type PositionReconstruction = Readonly<Record<PositionPolicy, ReconstructedPositions>>;

/**
 * **Position reconstruction** (paper, Table 3): the method of the pass is run again with each policy of position ids in
 * the place of its own; stage 1 keeps the same patches, cuts that look at attention may then keep others. The paper
 * gives RPME to VisionZip and FastV and marks their boxes; `nuwa eval --positions` does that over a dataset. This is
 * the same for one picture.
 *
 * @example
 * const { positions } = await measure(model, { pixels, prompts }, method, { positions: positionReconstruction() });
 * console.log(positions.compressed.divergence, positions.rpme.divergence);
 */
export function positionReconstruction(): Measure<PositionReconstruction> {
  return (model) =>
    async ({ inputs, method }) => {
      const unpruned = await nextToken(model, inputs, none());
      const found: Partial<Record<PositionPolicy, ReconstructedPositions>> = {};
      for (const policy of POSITION_POLICIES) {
        const { ids, logits } = await nextToken(model, inputs, withPositions(method, policy));
        found[policy] = { ids, logits, token: indexOfLargest(logits), divergence: divergence(unpruned.logits, logits) };
      }
      return found as PositionReconstruction;
    };
}

/** Ids of the visual tokens that enter the decoder, and the logits of the next token. */
async function nextToken(model: Vlm, inputs: ForwardInputs, method: Pruning) {
  const result = await run(() => forward(model, inputs, method));
  try {
    const [entered] = result.state.layers[0].sequence;
    const ids = entered.flatMap((slot) => (slot?.kind === "visual" ? [slot.position] : []));
    return { ids, logits: ((await result.logits.data()) as Float32Array).slice() };
  } finally {
    tf.dispose(tensorsIn(result));
  }
}

/** Σ p log₂(p/q) of two softmax distributions, from their logits. */
function divergence(own: Float32Array, other: Float32Array): number {
  const [logP, logQ] = [own, other].map((logits) => {
    const most = logits[indexOfLargest(logits)];
    const norm = most + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
    return Float64Array.from(logits, (value) => value - norm);
  });
  return Math.max(0, logP.reduce((sum, p, i) => sum + Math.exp(p) * (p - logQ[i]), 0) / Math.LN2);
}
