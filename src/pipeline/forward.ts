import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../errors.ts";
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
import { noTap, type Tap, type TapName } from "../tap.ts";
import { cutPrompts, layOut, requirePositions } from "./prompts.ts";

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
  if (pixels) requireSize(pixels, model);
  const seen = pixels && visionTower(model, pixels, tap);
  const [images, total] = seen ? seen.features.shape : [0, 0];
  const cut = cutPrompts(prompts, model.config, images, total);

  // Stage 1: which patches go on, and as which mixtures of their neighbours.
  const selection = seen ? yield* method.selectPatches(seen, tap) : NO_IMAGES;
  const visual = seen && projectSelected(model, seen, selection, tap); // [I, k, Hd]

  // Splice: text and visual tokens in one sequence, each with its position id.
  const layout = layOut(cut, selection.indices, method.positions, total);
  requirePositions(layout, model.config);
  const imageOf = cut.map(({ image }) => image);
  let sequence = layout.sequence;
  let embeddings = tap("llm.embeddings", embed(model, sequence, visual, imageOf)); // [B, S, Hd]
  tapIntegers(tap, "position_ids", positionIds(sequence));

  let x: tf.Tensor = embeddings;
  let placement = place(model, sequence, sequence[0].length);
  let attention: tf.Tensor4D | undefined;
  const layers: LayerState[] = [];
  for (let i = 0; i < model.config.text.numHiddenLayers; i++) {
    // Stage 2: before this layer, visual tokens that the text does not ask for are dropped.
    const choose = visual && method.cuts.get(i);
    if (choose) {
      const keep = yield* choose({ tokens: x as tf.Tensor3D, embeddings, attention, sequence, tap });
      tapIntegers(tap, "stage2.indices", keep);
      const kept = keepVisual(sequence, keep);
      x = gatherRows(x, kept.places); // [B, S', Hd]
      embeddings = gatherRows(embeddings, kept.places);
      sequence = kept.sequence;
      placement = place(model, sequence, sequence[0].length);
    }
    x = tap(`llm.${i}.tokens`, x);
    const output = tf.tidy(() => {
      const { attention: weights, ...rest } = decoderLayer(model, i, x, placement, tap);
      return method.cuts.has(i + 1) ? { ...rest, attention: weights } : { ...rest, attention: undefined };
    });
    ({ x, attention } = output);
    layers.push({ cache: output.cache, sequence });
  }

  const hidden = tap("llm.norm", finalNorm(model, x)) as tf.Tensor3D;
  const ends = sequence.map((slots) => [lastPlace(slots)]);
  const logits = tap("logits_last", lmHead(model, gatherRows(hidden, ends)).squeeze<tf.Tensor2D>([1])); // [B, V]
  const ledgers = yield* keepLedgers(seen, selection, layers, imageOf);
  return { logits, hidden, state: { layers, next: layout.next }, ledgers };
}

function requireSize(pixels: tf.Tensor4D, { config }: Model): void {
  const wanted = [3, ...config.vision.imageSize];
  if (pixels.shape.slice(1).join() !== wanted.join())
    throw new NuwaError(`pixels have shape [${pixels.shape}], but the model sees [images,${wanted}].`);
}

const NO_IMAGES: PatchSelection = { indices: [] };

/** The selected patches, mixed where the method says so, as token embeddings: [I, k, Hd]. */
function projectSelected(model: Model, seen: VisionOutput, selection: PatchSelection, tap: Tap): tf.Tensor3D {
  const { indices, pillars, weights } = selection;
  tapIntegers(tap, "stage1.indices", indices);
  if (pillars)
    tapIntegers(
      tap,
      "stage1.pillars",
      pillars.map((row) => row.map(Number)),
    );
  const tokens = weights ? aggregate(weights, seen.features) : gatherRows(seen.features, indices); // [I, k, D]
  return tap("projector.output", project(model, tap("stage1.tokens", tokens)));
}

/** Rotary angles and mask of the last `queries` tokens of a sequence. */
export function place(model: Model, sequence: Sequence, queries: number): Placement {
  const { headDim, ropeTheta } = model.config.text;
  const positions = positionIds(sequence).map((ids) => ids.slice(ids.length - queries));
  return { rotation: rotaryAngles(positions, headDim, ropeTheta), mask: causalMask(sequence, queries) };
}

/** Shows lists of integers to the tap, one row per image or sample; samples without an image have none. */
function tapIntegers(tap: Tap, name: TapName, lists: readonly (readonly number[])[]): void {
  const rows = lists.filter((list) => list.length > 0) as number[][];
  if (rows.length > 0) tap(name, tf.tensor2d(rows, undefined, "int32"));
}

/** For each sample with an image the record of its visual tokens. */
function* keepLedgers(
  seen: VisionOutput | undefined,
  { indices, pillars, weights }: PatchSelection,
  layers: readonly LayerState[],
  imageOf: readonly (number | undefined)[],
): Reading<(SampleLedger | undefined)[]> {
  if (!seen) return imageOf.map(() => undefined);
  const { grid, features } = seen;
  const total = features.shape[1];
  const classTokens = total - grid.rows * grid.columns;
  const values = weights && (yield* read(weights));
  const sequences = layers.map(({ sequence }) => sequence);
  return imageOf.map((image, sample) => {
    if (image === undefined) return undefined;
    const cells = indices[image].map((row) => row - classTokens);
    const own = values?.subarray(image * cells.length * total, (image + 1) * cells.length * total);
    return openLedger({ grid, total, cells, pillars: pillars?.[image], weights: own }, sequences, sample);
  });
}
