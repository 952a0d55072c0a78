import * as tf from "@tensorflow/tfjs";
import { NuwaError, UsageError } from "../core/errors.ts";
import { best, checkScores } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import type { Slot } from "../core/slots.ts";
import { indicesOf, MASKED, textBehind } from "../model/transformer/sequence.ts";
import { prunesAsPublished } from "./budget.ts";
import type { Cut, Method, MethodDefinition } from "./method.ts";
import { keepEverything } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { perImage } from "./patches.ts";

/** Parameters of {@link ivcprune}; shares are of all visual tokens, and rounded. */
export interface IvcpruneOptions {
  /** The cut is made before this decoder layer, counted from 0; published: 16 of 32. */
  readonly layer: number;
  /** How many of the tokens that the text is nearest to speak for it (0.01). */
  readonly seedShare?: number;
  /** How many tokens stay because text and seeds are nearest to them (0.2). At least one stays. */
  readonly foregroundShare?: number;
  /** How many stay for the cosine of their position, and as many for its sine (0.05). */
  readonly coordinateShare?: number;
  /**
   * How many tokens behind the image are passed over, as the end of a template (2). Where no text would be left, none
   * are.
   */
  readonly templateTokens?: number;
  /** The released code keeps the ids. Under other policies they are given anew to what is left. */
  readonly positions?: PositionPolicy;
}

/**
 * IVC-Prune: in the middle of the decoder the tokens stay that the text is nearest to, and those whose position ids
 * turn queries and keys by angles near multiples of 90°, which the paper calls implicit visual coordinates.
 *
 * $$ A_{ij} = \frac{1}{g} \sum_{a=1}^{g} \operatorname{softmax}_j(v_{a,i} \cdot v_{a,j} / \sqrt{d}), \qquad
 * s_p = \frac{1}{|T \cup S|} \sum_{i \in T \cup S} A_{ip}, \qquad
 * c_p = \frac{1}{d} \sum_j \cos(id_p \, \theta_j) $$
 *
 * v are the values of the layer before, T is the text behind the image from its third token on, and the softmax is over
 * the whole sequence, later tokens included. S are the round(0.01 N) visual tokens with the largest mean of A over T.
 * Kept are the round(0.2 N) largest s and the round(0.05 N) largest c, and as many for the sine; these two depend on
 * nothing but the ids and the frequencies. There is no budget: how many it is follows from how far the three overlap.
 *
 * Once the prompt has been read, what was dropped is taken out of the caches of the layers before the cut, too. The
 * paper says: of all of them; the released code spares that of layer 0. Here it is all of them.
 *
 * Source: "IVC-Prune: Revealing the Implicit Visual Coordinates in LVLMs for Vision Token Pruning", ICLR 2026, arXiv
 * 2602.03060; released code: github.com/FireRedTeam/IVC-Prune, as it is for LLaVA-1.5. There 35 tokens before the image
 * are 5, and N is 576; its path for Qwen2.5-VL has other shares.
 *
 * @throws UsageError when no layer lies before the cut
 */
export function ivcprune(options: IvcpruneOptions): Method {
  const { layer, positions = "original" } = options;
  if (!Number.isInteger(layer) || layer < 1)
    throw new UsageError(`IVC-Prune: layer ${layer} has no layer before it to take values from. Give 1 or more.`);
  return {
    name: "ivcprune",
    positions,
    idsAfterCut: "anew",
    cachesBeforeCuts: "pruned",
    selectPatches: keepEverything,
    cuts: new Map([[layer, keepNearTextAndCoordinates(options)]]),
  };
}

function keepNearTextAndCoordinates(options: IvcpruneOptions): Cut {
  const { seedShare = 0.01, foregroundShare = 0.2, coordinateShare = 0.05, templateTokens = 2 } = options;
  return function* ({ before, sequence, rotation, tap }) {
    if (!before) throw new UsageError("IVC-Prune: no layer lies before layer 0. Cut before layer 1 or later.");
    const length = sequence[0].length;
    const near: number[][] = [];
    for (const [sample, slots] of sequence.entries()) {
      const visual = indicesOf(slots, "visual");
      if (visual.length === 0) {
        near.push(new Array<number>(length).fill(0));
        continue;
      }
      const text = questionOf(slots, templateTokens);
      const byText = yield* readback(nearness(before.values, slots, sample, text));
      checkScores("IVC-Prune's values", byText);
      const seeds = best(visual, byText, Math.round(seedShare * visual.length));
      const scores = yield* readback(nearness(before.values, slots, sample, [...text, ...seeds]));
      near.push(slots.map((slot, at) => (slot?.kind === "visual" ? scores[at] : 0)));
    }
    const scores = perImage(yield* readback(tap("stage2.scores", tf.tensor2d(near))), length); // [B][S]
    const angles = rotation(); // [B, 1, S, d]
    const [cos, sin] = [yield* readback(angles.cos.mean(3)), yield* readback(angles.sin.mean(3))].map((values) =>
      perImage(values, length),
    );
    return {
      keep: sequence.map((slots, sample) => {
        const visual = indicesOf(slots, "visual");
        const foreground = best(visual, scores[sample], Math.max(1, Math.round(foregroundShare * visual.length)));
        const coordinates = Math.round(coordinateShare * visual.length);
        const kept = new Set([
          ...foreground,
          ...best(visual, cos[sample], coordinates),
          ...best(visual, sin[sample], coordinates),
        ]);
        return visual.flatMap((index, rank) => (kept.has(index) ? [rank] : []));
      }),
    };
  };
}

/**
 * Where the question stands: the text behind the image without the end of the template.
 *
 * @throws NuwaError where no text follows
 */
function questionOf(slots: readonly Slot[], templateTokens: number): number[] {
  const text = textBehind(slots);
  if (text.length === 0)
    throw new NuwaError("IVC-Prune: no text follows the image to compare its tokens with. Put the question after it.");
  return text.length > templateTokens ? text.slice(templateTokens) : text;
}

/**
 * How near some tokens are to each by their values: their rows of A, mean over heads and rows.
 *
 * @param values [B, g, S, d]
 * @returns [S]; 0 for padding and for tokens of other images
 */
function nearness(values: tf.Tensor4D, slots: readonly Slot[], sample: number, rows: readonly number[]): tf.Tensor1D {
  return tf.tidy(() => {
    const own = values.slice([sample], [1]).squeeze<tf.Tensor3D>([0]); // [g, S, d]
    const asking = tf.gather(own, tf.tensor1d([...rows], "int32"), 1).mul(own.shape[2] ** -0.5); // [g, R, d]
    const absent = tf.tensor1d(slots.map((slot) => (slot === null ? MASKED : 0)));
    return tf.softmax(tf.matMul(asking, own, false, true).add(absent)).mean([0, 1]);
  });
}

/** {@link ivcprune} for the registry: the cut at half of the depth. */
export const definition: MethodDefinition<undefined> = {
  name: "ivcprune",
  summary: "near the text by the values of a layer, and where positions turn by right angles; no budget",
  positions: "original",
  taps: ["stage2.scores", "stage2.indices"],
  publishedOnly: true,
  budget(average, { total }) {
    prunesAsPublished("ivcprune", average, total);
    return undefined;
  },
  create({ average, positions }, { layers, total }) {
    const method = ivcprune({ layer: Math.max(1, Math.floor(layers / 2)), positions });
    return prunesAsPublished("ivcprune", average, total) ? method : { ...method, cuts: new Map() };
  },
};
