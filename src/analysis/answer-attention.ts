import type { Measure } from "./measure.ts";

/** What the last token pays to the visual tokens in one decoder layer. */
export interface LayerAttention {
  /** Numbers in the ledger of the visual tokens that the layer holds, in the order of its sequence. */
  readonly tokens: readonly number[];
  /** For each of them the attention that the last token of the prompt pays to it, mean over heads, in [0, 1]. */
  readonly weights: Float32Array;
}

/**
 * **Attention of the answer to the visual tokens**, layer by layer: the last row of the attention, mean over heads,
 *
 * $$ a_j = \frac{1}{h} \sum_{m=1}^{h} A^{(m)}_{S-1,\,j} \qquad j \in \text{visual} $$
 *
 * The last token of the prompt is the one at which the first token of the answer is predicted. For the n-th token of
 * an answer give the prompt with the n − 1 tokens before it at its end; a cut inside the decoder then sees that longer
 * prompt. The rows do not sum to 1: the rest goes to text and separators. One row a layer is kept, [S], never the
 * attention of several layers.
 *
 * @example
 * const { attention } = await measure(model, { pixels, prompts }, method, { attention: answerAttention() });
 * const share = attention.map(({ weights }) => weights.reduce((sum, weight) => sum + weight, 0));
 *
 * @returns an element for each layer
 */
export function answerAttention(): Measure<readonly LayerAttention[]> {
  return ({ tapLayers }, watch) => {
    const layers = Array.from({ length: tapLayers.llm }, (_, i) =>
      watch.at(`llm.${i}.attention`, (attention) => {
        const [, heads, queries, length] = attention.shape; // [1, h, S, S]
        return attention
          .slice([0, 0, queries - 1, 0], [1, heads, 1, length])
          .mean(1)
          .reshape([length]);
      }),
    );
    return async ({ slots }) =>
      Promise.all(
        layers.map(async (layer, i) => {
          const [row] = await layer();
          const visual = slots[i].flatMap((slot, at) => (slot?.kind === "visual" ? [{ at, token: slot.row }] : []));
          return {
            tokens: visual.map(({ token }) => token),
            weights: Float32Array.from(visual, ({ at }) => row[at]),
          };
        }),
      );
  };
}
