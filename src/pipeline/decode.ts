import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import { noTap, type Tap } from "../core/taps.ts";
import type { Model } from "../model/llava/weights.ts";
import { decoderLayer, embed, finalNorm, lmHead, type Placement } from "../model/transformer/decoder.ts";
import { append, type Sequence } from "../model/transformer/sequence.ts";
import { type DecodeState, type LayerState, place } from "./prefill.ts";
import { requirePositions, requireVocabulary } from "./prompts.ts";

/** Logits of the next token and the state that includes the new ones. */
export interface Advanced {
  /** [B, V] */
  readonly logits: tf.Tensor2D;
  readonly state: DecodeState;
}

/**
 * Feeds new text tokens to the decoder, which reads everything before them from its caches. Layers
 * behind a cut have shorter caches; each is extended by its own sequence. The old state stays valid.
 *
 * @param ids for each sample the new token ids, all lists equally long
 * @throws NuwaError when ids are missing or not in the vocabulary, or the model has no positions left for them
 */
export function advance(
  model: Model,
  state: DecodeState,
  ids: readonly (readonly number[])[],
  tap: Tap = noTap,
): Advanced {
  const fresh = ids[0]?.length ?? 0;
  for (const { next } of state.layers)
    requirePositions(
      next.map((position) => position + fresh),
      model.config,
      "advance: the text",
    );
  return advanceAnywhere(model, state, ids, tap);
}

/**
 * {@link advance} without a look at the positions: a batch goes on beside samples that have ended, and what is fed
 * to these may lie beyond the model's last one.
 */
export function advanceAnywhere(
  model: Model,
  state: DecodeState,
  ids: readonly (readonly number[])[],
  tap: Tap = noTap,
): Advanced {
  const count = ids[0]?.length ?? 0;
  const samples = state.layers[0].next.length;
  if (count === 0 || ids.length !== samples || ids.some((list) => list.length !== count))
    throw new NuwaError(`advance: ${samples} lists of equal length, at least 1, are needed, one per sample.`);
  requireVocabulary("advance", ids.flat(), model.config);
  // A method may give ids anew after a cut: then the text goes on at another id in the layers behind it.
  const freshFrom = (next: readonly number[]): Sequence =>
    ids.map((list, sample) => list.map((id, i) => ({ kind: "text", id, position: next[sample] + i })));
  // Layers between two cuts share one sequence, and so its extension, mask and angles.
  const extended = new Map<Sequence, Sequence>();
  for (const { sequence, next } of state.layers)
    if (!extended.has(sequence)) extended.set(sequence, append(sequence, freshFrom(next)));
  const { logits, caches } = tf.tidy(() => {
    const placements = new Map<Sequence, Placement>(
      [...extended.values()].map((sequence) => [sequence, place(model, sequence, count)]),
    );
    let x: tf.Tensor = embed(model, freshFrom(state.layers[0].next), undefined, []); // [B, Q, Hd]
    const caches = state.layers.map(({ cache, sequence }, i) => {
      const placement = placements.get(extended.get(sequence) as Sequence) as Placement;
      const output = tf.tidy(() => {
        const { x: y, cache: grown } = decoderLayer(model, i, x, placement, tap, cache);
        return { x: y, cache: grown };
      });
      x = output.x;
      return output.cache;
    });
    const last = finalNorm(model, x).slice([0, count - 1, 0], [-1, 1, -1]);
    return { logits: lmHead(model, last).squeeze([1]) as tf.Tensor2D, caches };
  });
  const layers: LayerState[] = caches.map((cache, i) => ({
    cache,
    sequence: extended.get(state.layers[i].sequence) as Sequence,
    next: state.layers[i].next.map((position) => position + count),
  }));
  return { logits, state: { layers } };
}

/**
 * Takes the newest text tokens back, as if they had never been fed: for another continuation of the same prompt, or
 * another turn. The old state stays valid.
 *
 * @param count how many tokens of each sample are taken back, from 0
 * @throws NuwaError when the last `count` tokens are not all text: pruning cannot be taken back
 */
export function truncate(state: DecodeState, count: number): DecodeState {
  const shortest = Math.min(
    ...state.layers[0].sequence.map((slots) => slots.length - 1 - slots.findLastIndex((slot) => slot?.kind !== "text")),
  );
  if (!Number.isInteger(count) || count < 0 || count > shortest)
    throw new NuwaError(`truncate: ${count} tokens cannot be taken back; the last ${shortest} are text.`);
  const shortened = new Map<Sequence, Sequence>();
  for (const { sequence } of state.layers)
    if (!shortened.has(sequence))
      shortened.set(
        sequence,
        sequence.map((slots) => slots.slice(0, slots.length - count)),
      );
  const layers = state.layers.map(({ cache, sequence, next }): LayerState => {
    const [batch, heads, length, width] = cache.keys.shape;
    const size: [number, number, number, number] = [batch, heads, length - count, width];
    return {
      cache: { keys: cache.keys.slice([0, 0, 0, 0], size), values: cache.values.slice([0, 0, 0, 0], size) },
      sequence: shortened.get(sequence) as Sequence,
      next: next.map((position) => position - count),
    };
  });
  return { layers };
}
