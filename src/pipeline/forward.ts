import * as tf from "@tensorflow/tfjs";
import type { Method, PatchSelection } from "../methods/method.ts";
import { decoderLayer, embed, finalNorm, type LayerCache, lmHead, type Placement } from "../model/language.ts";
import { gatherRows } from "../model/layers.ts";
import { type Reading, read } from "../model/reading.ts";
import { rotaryAngles } from "../model/rope.ts";
import { causalMask, keepVisual, lastPlace, positionIds, type Sequence } from "../model/sequence.ts";
import { project, type VisionOutput, visionTower } from "../model/vision.ts";
import type { Model } from "../model/weights.ts";
import { aggregate } from "../pruning/aggregation.ts";
import { openLedger, type SampleLedger } from "../pruning/ledger.ts";
import { noTap, type Tap } from "../tap.ts";
import { cutPrompts, layOut } from "./prompts.ts";

/** A batch of prompts and the images in them. */
export interface ForwardInputs {
  /** [I, 3, H, W], normalised; undefined when no prompt has an image. */
  readonly pixels?: tf.Tensor4D;
  /** Token ids of each sample; lengths may differ. */
  readonly prompts: readonly (readonly number[])[];
}

/** What one decoder layer keeps for decoding. After a cut the layers' sequences differ. */
export interface LayerState {
  readonly cache: LayerCache;
  readonly sequence: Sequence;
}

/** Everything that decoding needs to go on. */
export interface DecodeState {
  readonly layers: readonly LayerState[];
  /** Position id of the next token, for each sample. */
  readonly next: readonly number[];
}

/** What a forward pass returns; free it with `tf.dispose(tensorsIn(result))`. */
export interface ForwardResult {
  /** Scores of the first answer token, [B, V]. */
  readonly logits: tf.Tensor2D;
  /** Final hidden states after the norm, [B, S', Hd]; S' counts what survived all cuts, see `state`. */
  readonly hidden: tf.Tensor3D;
  readonly state: DecodeState;
  /** For each sample with an image what became of its visual tokens, else undefined. */
  readonly ledgers: readonly (SampleLedger | undefined)[];
}

/**
 * The whole model, from pixels and token ids to logits, with both prunings in the path. Differentiable
 * in the pixels and in every weight; selections are read out (see reading.ts) and indices are constant.
 *
 * @throws NuwaError when prompts and images do not fit the model
 */
export function* forward(
  model: Model,
  { pixels, prompts }: ForwardInputs,
  method: Method,
  tap: Tap = noTap,
): Reading<ForwardResult> {
  const seen = pixels && visionTower(model, pixels, tap);
  const [images, total] = seen ? seen.features.shape : [0, 0];
  const cut = cutPrompts(prompts, model.config, images, total);

  // Stage 1: which patches go on, and as which mixtures of their neighbours.
  const selection: PatchSelection = seen ? yield* method.selectPatches(seen, tap) : { indices: [] };
  const tokens =
    seen &&
    tap(
      "stage1.tokens",
      selection.weights ? aggregate(selection.weights, seen.features) : gatherRows(seen.features, selection.indices),
    ); // [I, k, D]
  const visual = tokens && tap("projector.output", project(model, tokens)); // [I, k, Hd]

  // Splice: text and visual tokens in one sequence, each with its position id.
  const layout = layOut(cut, selection.indices, method.positions, total);
  let sequence = layout.sequence;
  const imageOf = cut.map(({ image }) => image);
  let embeddings = tap("llm.embeddings", embed(model, sequence, visual, imageOf)); // [B, S, Hd]
  tapLists(tap, selection, sequence);

  let x: tf.Tensor = embeddings;
  let placement = place(model, sequence, sequence[0].length);
  let attention: tf.Tensor4D | undefined;
  const layers: LayerState[] = [];
  for (let i = 0; i < model.config.text.numHiddenLayers; i++) {
    // Stage 2: before this layer, visual tokens that the text does not ask for are dropped.
    const choose = visual && method.cuts.get(i);
    if (choose) {
      const keep = yield* choose({ tokens: x as tf.Tensor3D, embeddings, attention, sequence, tap });
      const kept = keepVisual(sequence, keep);
      tap(
        "stage2.indices",
        tf.tensor2d(
          keep.filter((_, sample) => imageOf[sample] !== undefined),
          undefined,
          "int32",
        ),
      );
      x = gatherRows(x, kept.places); // [B, S', Hd]
      embeddings = gatherRows(embeddings, kept.places);
      sequence = kept.sequence;
      placement = place(model, sequence, sequence[0].length);
    }
    x = tap(`llm.${i}.tokens`, x);
    const output = tf.tidy(() => {
      const { x: y, cache, attention: weights } = decoderLayer(model, i, x, placement, tap);
      return method.cuts.has(i + 1) ? { x: y, cache, attention: weights } : { x: y, cache };
    });
    x = output.x;
    attention = "attention" in output ? (output.attention as tf.Tensor4D) : undefined;
    layers.push({ cache: output.cache, sequence });
  }

  const hidden = tap("llm.norm", finalNorm(model, x)) as tf.Tensor3D;
  const last = gatherRows(
    hidden,
    sequence.map((slots) => [lastPlace(slots)]),
  ); // [B, 1, Hd]
  const logits = tap("logits_last", lmHead(model, last).squeeze([1])) as tf.Tensor2D;
  const ledgers = yield* keepLedgers(
    seen,
    selection,
    layers.map((layer) => layer.sequence),
    imageOf,
  );
  return { logits, hidden, state: { layers, next: layout.next }, ledgers };
}

/** Rotary angles and mask of the last `queries` tokens of a sequence. */
export function place(model: Model, sequence: Sequence, queries: number): Placement {
  const { headDim, ropeTheta } = model.config.text;
  const positions = positionIds(sequence).map((ids) => ids.slice(ids.length - queries));
  return { rotation: rotaryAngles(positions, headDim, ropeTheta), mask: causalMask(sequence, queries) };
}

/** Shows the lists of integers to the tap as int32 tensors. */
function tapLists(tap: Tap, { indices, pillars }: PatchSelection, sequence: Sequence): void {
  tap("position_ids", tf.tensor2d(positionIds(sequence), undefined, "int32"));
  if (indices.length) tap("stage1.indices", tf.tensor2d(indices as number[][], undefined, "int32"));
  if (pillars)
    tap(
      "stage1.pillars",
      tf.tensor2d(
        pillars.map((row) => row.map(Number)),
        undefined,
        "int32",
      ),
    );
}

function* keepLedgers(
  seen: VisionOutput | undefined,
  selection: PatchSelection,
  sequences: readonly Sequence[],
  imageOf: readonly (number | undefined)[],
): Reading<(SampleLedger | undefined)[]> {
  if (!seen) return imageOf.map(() => undefined);
  const { grid, features } = seen;
  const total = features.shape[1];
  const classTokens = total - grid.rows * grid.columns;
  const weights = selection.weights && (yield* read(selection.weights));
  return imageOf.map((image, sample) => {
    if (image === undefined) return undefined;
    const cells = selection.indices[image].map((row) => row - classTokens);
    const own = weights?.subarray(image * cells.length * total, (image + 1) * cells.length * total);
    return openLedger({ grid, total, cells, pillars: selection.pillars?.[image], weights: own }, sequences, sample);
  });
}
