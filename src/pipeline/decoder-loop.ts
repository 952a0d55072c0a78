import * as tf from "@tensorflow/tfjs";
import { finishSync, type Readback } from "../core/readback.ts";
import type { Sequence } from "../core/slots.ts";
import { type Tap, within } from "../core/taps.ts";
import type { LayerBefore } from "../methods/method.ts";
import { type Attending, attentionByRows, type ByRows } from "../model/transformer/attention.ts";
import { decoderLayer, type LayerCache, type Placement } from "../model/transformer/decoder.ts";
import { type Rotation, rotaryAngles, rotateBack } from "../model/transformer/rope.ts";
import { causalMask, turningIds } from "../model/transformer/sequence.ts";
import type { Vlm } from "../model/vlm.ts";
import { inTurn } from "../model/weights.ts";

/** Which layers are run on what. */
export interface LayerRange {
  /** The first layer. */
  readonly from: number;
  /** The layer behind the last one. */
  readonly to: number;
  /** Everything that these layers have seen once they have run: the new tokens are the last of it. */
  readonly sequence: Sequence;
  /** Masks and rotary angles of the new tokens; causal, by the position ids of the sequence, unless given. */
  readonly placement?: Placement;
  /** What each layer has seen before, by layer; undefined at prefill. */
  readonly past?: readonly LayerCache[];
  /** Layers whose attention, queries, keys or values somebody will look at. */
  readonly watch?: readonly number[];
}

/** What {@link layersInTurns} returns. */
export interface LayerRun {
  /** [B, Q, Hd], leaving the last layer. */
  readonly x: tf.Tensor3D;
  /** Of each layer, from `from` on. */
  readonly caches: readonly LayerCache[];
  /** Softmax attention of the watched layers, each [B, h, Q, S] by rows. */
  readonly attention: ReadonlyMap<number, ByRows>;
  /** What each watched layer made of its tokens. */
  readonly made: ReadonlyMap<number, LayerBefore>;
}

/**
 * Runs some layers of the decoder one after the other: the one loop that prefill, decoding and training go through.
 *
 * @param x [B, Q, Hd], entering layer `from`
 */
export function* layersInTurns(model: Vlm, x: tf.Tensor3D, range: LayerRange, tap: Tap): Readback<LayerRun> {
  const { from, to, sequence, past, watch = [] } = range;
  const placements = new Map<number | undefined, Placement>(); // by window
  const placementIn = (layer: number): Placement => {
    const window = windowOf(model, layer);
    const placement = placements.get(window) ?? placementOf(model, sequence, x.shape[1], layer);
    placements.set(window, placement);
    return placement;
  };
  const here = within(tap, { sequence });
  const caches: LayerCache[] = [];
  const attention = new Map<number, ByRows>();
  const made = new Map<number, LayerBefore>();
  let hidden = x;
  for (let i = from; i < to; i++) {
    yield* inTurn(model.decoder.layer(i));
    const placement = range.placement ?? placementIn(i);
    const entering = here(`llm.${i}.tokens`, hidden);
    const output = tf.tidy(() => decoderLayer(model, i, entering, placement, here, past?.[i], watch.includes(i)));
    hidden = output.x as tf.Tensor3D;
    caches.push(output.cache);
    if (!output.attending) continue;
    attention.set(i, attentionByRows(output.attending, placement.mask));
    made.set(i, madeBy(output.attending, output.cache, placement.rotation));
  }
  return { x: hidden, caches, attention, made };
}

/** What a layer made of its tokens; queries and keys are turned back when they are asked for. */
function madeBy({ queries, keys }: Attending, { values }: LayerCache, rotation: Rotation): LayerBefore {
  const unturned = () => ({ queries: rotateBack(queries, rotation), keys: rotateBack(keys, rotation) });
  return { keys, values, unturned };
}

/** {@link layersInTurns}, waiting for nobody. */
export function runLayers(model: Vlm, x: tf.Tensor3D, range: LayerRange, tap: Tap): LayerRun {
  return finishSync(layersInTurns(model, x, range, tap));
}

/** How many tokens a token sees in a layer at most; undefined: all before it. */
function windowOf({ config: { text } }: Vlm, layer: number): number | undefined {
  return (text.windowedLayers?.[layer] ?? true) ? text.slidingWindow : undefined;
}

/** Rotary angles and a layer's causal mask, of the last `queries` tokens of a sequence. */
export function placementOf(model: Vlm, sequence: Sequence, queries: number, layer: number): Placement {
  const { text } = model.config;
  const positions = turningIds(sequence, text.ropeSections.length).map((ids) => ids.slice(ids.length - queries));
  return { rotation: rotaryAngles(positions, text), mask: causalMask(sequence, queries, windowOf(model, layer)) };
}
