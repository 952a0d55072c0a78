import * as tf from "@tensorflow/tfjs";
import { patchCount } from "../core/grid.ts";
import { type Readback, readback } from "../core/readback.ts";
import type { Sequence, VisualSlot } from "../core/slots.ts";
import type { TapName } from "../core/tap-points.ts";
import { type Tap, wants } from "../core/taps.ts";
import { type AddedToken, openLedger, type SampleLedger } from "../methods/ledger.ts";
import type { AddedTokens, CutSelection, PatchSelection } from "../methods/method.ts";
import { aggregate } from "../methods/nuwa/aggregation.ts";
import { gatherRows } from "../model/transformer/layers.ts";
import { keepVisual, placesOf } from "../model/transformer/sequence.ts";
import type { EncodedImages, Vlm } from "../model/vlm.ts";
import type { CheckedSelection } from "./choosing.ts";

/** What is done with a selection, the same for every method: the physical side of pruning. */

/** Batches without images select nothing. */
export const NO_IMAGES: PatchSelection = { cells: [] };

/** The selected patches, mixed where the method says so, as token embeddings: [I, k, Hd]. */
export function projectSelected(model: Vlm, seen: EncodedImages, selection: PatchSelection, tap: Tap): tf.Tensor3D {
  const { cells, pillars } = selection;
  tapIntegers(tap, "stage1.indices", cells);
  if (pillars)
    tapIntegers(
      tap,
      "stage1.pillars",
      pillars.map((row) => row.map(Number)),
    );
  return tap("projector.output", model.project(tap("stage1.tokens", selectedTokens(seen, selection))));
}

/** [I, k, D]; images with fewer tokens repeat one at the end, which no sequence refers to. */
function selectedTokens(seen: EncodedImages, { cells, weights, tokens }: PatchSelection): tf.Tensor3D {
  if (tokens) return tokens;
  const { features, grid, extraTokens } = seen;
  const hasClass = extraTokens > 0;
  const wantsClass = weights ? weights.shape[2] > features.shape[1] : cells.some((list) => list.includes(-1));
  const sources = wantsClass && !hasClass ? tf.concat([seen.classFeature, features], 1) : features;
  if (weights) return aggregate(weights, sources);
  const longest = Math.max(...cells.map((list) => list.length));
  const before = sources.shape[1] - patchCount(grid);
  return gatherRows(
    sources,
    cells.map((list) => Array.from({ length: longest }, (_, i) => (list[i] ?? list[0]) + before)),
  );
}

/** The visual tokens of each sample, in order, as stage 1 selected them. */
export function selectedSlots(
  { cells }: PatchSelection,
  imageOf: readonly (number | undefined)[],
): Pick<VisualSlot, "row" | "cell">[][] {
  return imageOf.map((image) => (image === undefined ? [] : cells[image].map((cell, row) => ({ row, cell }))));
}

/** What a cut leaves of a sequence, and what the ledger needs to know of it. */
export interface AppliedCut {
  /** [B, S', Hd] */
  readonly x: tf.Tensor3D;
  readonly sequence: Sequence;
  /** The sequence that was cut. */
  readonly before: Sequence;
  readonly added: CutSelection["added"];
}

/**
 * Drops what a cut does not keep and puts the tokens that it makes behind the kept ones.
 *
 * @param earlier the cuts made before, which have numbered their new tokens
 * @param entered what entered the decoder
 */
export function applyCut(
  x: tf.Tensor3D,
  sequence: Sequence,
  { keep, added }: CutSelection,
  entered: Sequence,
  earlier: readonly AppliedCut[],
): AppliedCut {
  const nextRow = entered.map(
    (slots, sample) =>
      placesOf(slots, "visual").length + earlier.reduce((sum, cut) => sum + (cut.added?.counts[sample] ?? 0), 0),
  );
  const kept = keepVisual(sequence, keep, added?.counts, nextRow);
  const table = added ? tf.concat([x, tf.matMul(added.weights, x)], 1) : x; // [B, S + a, Hd]
  return {
    x: gatherRows(table, kept.places),
    sequence: kept.sequence,
    before: sequence,
    added,
  };
}

/** Shows lists of integers to the tap, one row per image or sample; samples without an image have none. */
export function tapIntegers(tap: Tap, name: TapName, lists: readonly (readonly number[])[]): void {
  if (!wants(tap, name)) return;
  const rows = lists.filter((list) => list.length > 0);
  if (rows.length === 0) return;
  const longest = Math.max(...rows.map((list) => list.length));
  const filled = rows.map((list) => [...list, ...new Array<number>(longest - list.length).fill(-2)]);
  tap(name, tf.tensor2d(filled, undefined, "int32"));
}

/**
 * For each sample with an image the record of its visual tokens.
 *
 * @param total visual tokens of an image where nothing is pruned
 * @param entered what entered the decoder
 * @param sequences what entered each of its layers
 */
export function* keepLedgers(
  seen: EncodedImages | undefined,
  selection: CheckedSelection,
  total: number,
  { entered, sequences, cuts }: { entered: Sequence; sequences: readonly Sequence[]; cuts: readonly AppliedCut[] },
  imageOf: readonly (number | undefined)[],
): Readback<(SampleLedger | undefined)[]> {
  if (!seen) return imageOf.map(() => undefined);
  const { grid } = seen;
  const weights = patchWeights(selection, patchCount(grid));
  const added: AddedToken[][] = imageOf.map(() => []);
  for (const cut of cuts) {
    if (!cut.added) continue;
    const values = yield* readback(cut.added.weights);
    addedTokens(cut.added, values, cut.before).forEach((tokens, sample) => {
      added[sample].push(...tokens);
    });
  }
  return imageOf.map((image, sample) => {
    if (image === undefined) return undefined;
    const sources = {
      grid,
      total,
      pillars: selection.pillars?.[image],
      weights: weights[image],
      added: added[sample],
    };
    return openLedger(sources, entered, sequences, sample);
  });
}

/** For each image and token its weights over the patches, without the class token's. */
function patchWeights(selection: CheckedSelection, patches: number): (Float32Array | undefined)[][] {
  const { cells, weights, weightValues } = selection;
  if (!weights || !weightValues) return cells.map((list) => list.map(() => undefined));
  const [, longest, columns] = weights.shape;
  return cells.map((list, image) =>
    list.map((_, row) => {
      const end = (image * longest + row + 1) * columns;
      return weightValues.subarray(end - patches, end);
    }),
  );
}

/** What the new tokens of a cut are made of, for each sample. */
function addedTokens({ weights, counts }: AddedTokens, values: Float32Array, sequence: Sequence): AddedToken[][] {
  const [, most, length] = weights.shape;
  return sequence.map((slots, sample) =>
    Array.from({ length: counts[sample] }, (_, i) => {
      const own = values.subarray((sample * most + i) * length, (sample * most + i + 1) * length);
      return slots.flatMap((slot, at) =>
        slot?.kind === "visual" && own[at] !== 0 ? [{ row: slot.row, weight: own[at] }] : [],
      );
    }),
  );
}
