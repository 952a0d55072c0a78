import type * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import { type Readback, runSync } from "../core/readback.ts";
import { type Sequence, textPosition } from "../core/slots.ts";
import { noTap, type Tap, within } from "../core/taps.ts";
import { embed, finalNorm, lmHead } from "../model/transformer/decoder.ts";
import { append } from "../model/transformer/sequence.ts";
import type { Vlm } from "../model/vlm.ts";
import { layersInTurns } from "./decoder-loop.ts";
import { requirePositions, requireVocabulary } from "./prompts.ts";
import { type DecodeState, type LayerState, withoutUnseen } from "./state.ts";

/** Logits of the next token and the state that includes the new ones. */
export interface Advanced {
  /** [B, V] */
  readonly logits: tf.Tensor2D;
  readonly state: DecodeState;
}

/**
 * Feeds new text tokens to the decoder, which reads everything before them from its caches. Layers
 * behind a cut have shorter caches; each is extended by its own sequence. The old state stays valid. Whether the logits
 * are finite is seen by who reads them, such as {@link generate}.
 *
 * @param ids for each sample the new token ids, all lists equally long
 * @param step which decoding step the tap is told, from 1
 * @throws NuwaError when ids are missing or not in the vocabulary, or the model has no positions left for them
 */
export function advance(
  model: Vlm,
  state: DecodeState,
  ids: readonly (readonly number[])[],
  tap: Tap = noTap,
  step = 1,
): Advanced {
  const fresh = ids[0]?.length ?? 0;
  for (const { nextPosition } of state.layers)
    requirePositions(
      nextPosition.map((position) => position + fresh),
      model.config,
      "advance: the text",
    );
  return runSync(() => advanceAnywhere(model, state, ids, tap, step));
}

/**
 * {@link advance} without a look at the positions: a batch goes on beside samples that have ended, and what is fed
 * to these may lie beyond the model's last one.
 */
export function* advanceAnywhere(
  model: Vlm,
  state: DecodeState,
  ids: readonly (readonly number[])[],
  tap: Tap = noTap,
  step = 1,
): Readback<Advanced> {
  const count = ids[0]?.length ?? 0;
  const samples = state.layers[0].nextPosition.length;
  if (count === 0 || ids.length !== samples || ids.some((list) => list.length !== count))
    throw new NuwaError(`advance: ${samples} lists of equal length, at least 1, are needed, one per sample.`);
  requireVocabulary("advance", ids.flat(), model.config);
  const axes = model.config.text.ropeSections.length;
  // A method may give ids anew after a cut: then the text goes on at another id in the layers behind it.
  const freshFrom = (nextPosition: readonly number[]): Sequence =>
    ids.map((list, sample) =>
      list.map((id, i) => ({ kind: "text", id, position: textPosition(nextPosition[sample] + i, axes) })),
    );
  const held = withoutUnseen(state).layers;
  const past = held.map(({ cache }) => cache);
  const watched = within(tap, { step, pass: {} });
  let x = embed(model, freshFrom(held[0].nextPosition), undefined, []); // [B, Q, Hd]
  const layers: LayerState[] = [];
  let sequence = held[0].sequence;
  // Layers between two cuts share one sequence, and so its extension, mask and angles.
  for (let from = 0; from < held.length; from = layers.length) {
    const before = held[from];
    let to = from + 1;
    while (held[to]?.sequence === before.sequence) to++;
    sequence = append(before.sequence, freshFrom(before.nextPosition));
    const run = yield* layersInTurns(model, x, { from, to, sequence, past }, watched);
    ({ x } = run);
    const nextPosition = before.nextPosition.map((position) => position + count);
    for (const cache of run.caches) layers.push({ cache, sequence, nextPosition });
  }
  const here = within(watched, { sequence });
  const last = here("llm.norm", finalNorm(model, x)).slice([0, count - 1, 0], [-1, 1, -1]);
  const logits = here("logits_last", lmHead(model, last).squeeze<tf.Tensor2D>([1])); // [B, V]
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
  const layers = state.layers.map(({ cache, sequence, nextPosition }): LayerState => {
    const [batch, heads, length, width] = cache.keys.shape;
    const size: [number, number, number, number] = [batch, heads, length - count, width];
    return {
      cache: { keys: cache.keys.slice([0, 0, 0, 0], size), values: cache.values.slice([0, 0, 0, 0], size) },
      sequence: shortened.get(sequence) as Sequence,
      nextPosition: nextPosition.map((position) => position - count),
    };
  });
  return { ...state, layers };
}
