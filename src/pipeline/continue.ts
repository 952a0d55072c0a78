import type * as tf from "@tensorflow/tfjs";
import { noTap, type Tap } from "../core/taps.ts";
import { finalNorm, lmHead } from "../model/transformer/decoder.ts";
import { gatherRows } from "../model/transformer/layers.ts";
import { lastIndex } from "../model/transformer/sequence.ts";
import type { Vlm } from "../model/vlm.ts";
import { tokensAfter } from "./cutting.ts";
import { runLayers } from "./decoder-loop.ts";
import type { ForwardResult } from "./prefill.ts";

/** What of a finished pass says how it went on from a layer: what each layer holds, and what each cut kept. */
export type FinishedPass = Pick<ForwardResult, "state" | "cuts">;

/**
 * Goes through one decoder layer, and the cut behind it where the pass made one there, with the selections of the pass
 * held fixed.
 *
 * @param x [B, S, Hd], entering the layer after a cut before it (`llm.*.tokens`)
 * @returns what enters the next layer, or leaves the last one: [B, S', Hd]
 */
export function throughLayer(
  model: Vlm,
  pass: FinishedPass,
  layer: number,
  x: tf.Tensor3D,
  tap: Tap = noTap,
): tf.Tensor3D {
  const { sequence } = pass.state.layers[layer];
  const { x: left } = runLayers(model, x, { from: layer, to: layer + 1, sequence }, tap);
  const cut = pass.cuts.find((one) => one.layer === layer + 1);
  return cut ? tokensAfter(left, sequence, cut) : left;
}

/**
 * Goes on with a finished pass from a layer with other states, with its selections held fixed. With the states of the
 * pass itself these are its own logits.
 *
 * @param layer 0..L; L: nothing but the head is left
 * @param x [B, S, Hd], entering the layer, as in {@link throughLayer}
 * @returns logits at the last token, [B, V]
 */
export function continueFrom(
  model: Vlm,
  pass: FinishedPass,
  layer: number,
  x: tf.Tensor3D,
  tap: Tap = noTap,
): tf.Tensor2D {
  let state = x;
  for (let i = layer; i < pass.state.layers.length; i++) state = throughLayer(model, pass, i, state, tap);
  const { sequence } = pass.state.layers[pass.state.layers.length - 1];
  const last = gatherRows(
    state,
    sequence.map((slots) => [lastIndex(slots)]),
  );
  return lmHead(model, finalNorm(model, last)).squeeze<tf.Tensor2D>([1]);
}
