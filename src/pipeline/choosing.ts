import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import { type Readback, readback } from "../core/readback.ts";
import { type Sequence, type Slot, visualCounts } from "../core/slots.ts";
import { type Tap, within } from "../core/taps.ts";
import { sharedOut } from "../methods/budget.ts";
import { checkMethod, namedReadback } from "../methods/guard.ts";
import type { AddedToken } from "../methods/ledger.ts";
import type {
  AddedTokens,
  CutSelection,
  CutView,
  Method,
  PatchSelection,
  PatchView,
  Pruning,
} from "../methods/method.ts";
import type { ImageShape } from "../model/image-shape.ts";
import { type Attending, attentionByRows, type ByRows } from "../model/transformer/attention.ts";
import { attendingAhead, finalNorm } from "../model/transformer/decoder.ts";
import type { MadeToken } from "../model/transformer/sequence.ts";
import type { EncodedGrid, EncodedImages, Vlm } from "../model/vlm.ts";
import { checkAddedWeights, checkCutSelection, checkPatchSelection, checkWeights } from "./checks.ts";
import { placementOf } from "./decoder-loop.ts";

/* Lets a method look and choose, the same for every method, and checks what it chose. */

/**
 * The method for the shape of an image.
 *
 * @throws NuwaError when it needs what the model does not offer
 */
export function methodFor(pruning: Pruning, shape: ImageShape, { config }: Pick<Vlm, "config">): Method {
  const made = typeof pruning === "function" ? pruning(shape) : pruning;
  const method = checkMethod(made, "of the call", config.facts.layers);
  const lacking = (method.needs ?? []).find((need) => !config.facts.capabilities.includes(need));
  if (lacking !== undefined)
    throw new NuwaError(
      `method ${method.name} needs ${lacking}, which this model of the family ${config.family} does not offer.`,
    );
  return method;
}

/** One grid of some images, and what stage 1 of a method chose of it. */
export interface ChosenGrid {
  readonly seen: EncodedGrid;
  readonly selection: PatchSelection;
  /** The values of the selection's weights. */
  readonly weights: Float32Array | undefined;
}

/** Images of one shape, their method, and what it chose of each of their grids. */
export interface ChosenImages extends Pick<EncodedImages, "images" | "shape"> {
  readonly method: Method;
  readonly grids: readonly ChosenGrid[];
}

/**
 * Stage 1: which patches go on, grid by grid.
 *
 * @throws NuwaError when a selection cannot be applied
 */
export function* choosePatches(
  model: Vlm,
  encoded: readonly EncodedImages[],
  pruning: Pruning,
  tap: Tap,
): Readback<ChosenImages[]> {
  const chosen: ChosenImages[] = [];
  for (const { images, shape, grids: seenGrids } of encoded) {
    const method = methodFor(pruning, shape, model);
    const grids: ChosenGrid[] = [];
    for (const [i, seen] of seenGrids.entries()) {
      const share = (count: number) => sharedOut(count, shape)[i];
      const view: PatchView = { ...seen, project: model.project, image: shape, share };
      const here = within(tap, { images, grid: i });
      const chosenCells = yield* namedReadback(method.name, "selectPatches", () => method.selectPatches(view, here));
      const selection = checkPatchSelection(method.name, chosenCells, view, images);
      const weights = selection.weights && (yield* readback(selection.weights));
      if (weights && selection.weights) checkWeights(method.name, weights, selection.weights.shape, images);
      grids.push({ seen, selection, weights });
    }
    chosen.push({ images, shape, method, grids });
  }
  return chosen;
}

/** What is kept at a cut inside the decoder, in the whole batch. */
export interface ChosenCut {
  /** For each sample ascending ranks among its visual tokens. */
  readonly keep: readonly (readonly number[])[];
  /** For each sample its new visual tokens, and what each is made of. */
  readonly made: readonly (readonly (MadeToken & { readonly parts: AddedToken })[])[];
  /** What the new tokens are mixed from, [B, A, S]; undefined where there are none. */
  readonly weights: tf.Tensor3D | undefined;
}

/** An image of a prompt: its number in the batch, and the method that prunes it. */
export interface PrunedImage {
  readonly image: number;
  readonly method: Method;
}

/**
 * A cut inside the decoder: each image of each prompt is cut by itself, by its own method.
 *
 * @param imagesIn for each sample its images
 * @param layer the cut is made before it
 * @param seen with the attention of the layer before by rows; undefined before layer 0
 * @throws NuwaError when a selection cannot be applied
 */
export function* chooseCut(
  model: Vlm,
  imagesIn: readonly (readonly PrunedImage[])[],
  layer: number,
  seen: Pick<CutView, "tokens" | "sequence" | "entered" | "before" | "tap"> & {
    readonly attention: ByRows | undefined;
  },
): Readback<ChosenCut> {
  const { tokens, sequence, entered, attention, before } = seen;
  const placementHere = () => placementOf(model, sequence, tokens.shape[1], layer);
  let ahead: { readonly from: Attending; readonly rows: ByRows } | undefined;
  const viewOf = (show: readonly (number | undefined)[], tap: Tap): CutView => ({
    tokens,
    sequence: showing(sequence, show),
    entered: { ...entered, sequence: showing(entered.sequence, show) },
    // All of it is computed for those alone that read it.
    get attention() {
      return attention?.();
    },
    attentionRows(rows) {
      if (!attention) throw new NuwaError(`no layer lies before layer ${layer} whose attention could be read.`);
      return attention(rows);
    },
    attentionAhead(rows) {
      // Who asked before may have asked in a scope that has ended.
      if (!ahead || ahead.from.queries.isDisposed) {
        const placement = placementHere();
        const from = attendingAhead(model, layer, tokens, placement);
        ahead = { from, rows: attentionByRows(from, placement.mask) };
      }
      return ahead.rows(rows);
    },
    before,
    rotation: () => placementHere().rotation,
    finalNorm: (states) => finalNorm(model, states) as tf.Tensor3D,
    tap,
  });
  const keep = visualCounts(sequence).map((count) => Array.from({ length: count }, (_, rank) => rank));
  const made: (MadeToken & { parts: AddedToken })[][] = sequence.map(() => []);
  const weights: tf.Tensor3D[] = [];
  let rows = 0;
  for (let image = 0; image < Math.max(...imagesIn.map((images) => images.length)); image++) {
    for (const method of new Set(imagesIn.flatMap((images) => images[image]?.method ?? []))) {
      const choose = method.cuts.get(layer);
      if (!choose) continue;
      const own = imagesIn.map((images) => (images[image]?.method === method ? images[image].image : undefined));
      const show = own.map((number) => (number === undefined ? undefined : image));
      const shown = viewOf(show, within(seen.tap, { images: own }));
      const where = `the cut before layer ${layer}`;
      const selection: CutSelection = yield* namedReadback(method.name, where, () => choose(shown));
      checkCutSelection(method.name, selection, shown.sequence, layer);
      const { added } = selection;
      const values = added && (yield* readback(added.weights));
      if (added && values) checkAddedWeights(method.name, added, values, shown.sequence, layer);
      sequence.forEach((slots, sample) => {
        if (show[sample] === undefined) return;
        keep[sample] = withRanks(keep[sample], slots, image, Array.from(selection.keep[sample]));
        if (added && values)
          for (let i = 0; i < added.counts[sample]; i++)
            made[sample].push({ image, index: rows + i, parts: partsOf(added, values, slots, sample, i) });
      });
      if (added) {
        weights.push(added.weights);
        rows += added.weights.shape[1];
      }
    }
  }
  return { keep, made, weights: weights.length > 1 ? tf.concat(weights, 1) : weights[0] };
}

/** What a new token is made of. */
function partsOf(
  { weights }: AddedTokens,
  values: Float32Array,
  slots: readonly Slot[],
  sample: number,
  token: number,
): AddedToken {
  const [, most, length] = weights.shape;
  const own = values.subarray((sample * most + token) * length);
  return slots.flatMap((slot, at) =>
    slot?.kind === "visual" && own[at] !== 0 ? [{ row: slot.row, weight: own[at] }] : [],
  );
}

/** The sequence with the visual tokens of one image of each sample; undefined: of none. */
function showing(sequence: Sequence, image: readonly (number | undefined)[]): Sequence {
  const hidden = (slot: Slot, sample: number) => slot?.kind === "visual" && slot.image !== image[sample];
  return sequence.map((slots, sample) => slots.map((slot) => (hidden(slot, sample) ? null : slot)));
}

/**
 * The ranks of a sample with those of one image replaced.
 *
 * @param own what stays of the image: ranks among its visual tokens
 */
function withRanks(keep: readonly number[], slots: readonly Slot[], image: number, own: readonly number[]): number[] {
  const images = slots.flatMap((slot) => (slot?.kind === "visual" ? [slot.image] : []));
  const ofImage = images.flatMap((other, rank) => (other === image ? [rank] : []));
  const others = keep.filter((rank) => images[rank] !== image);
  return [...others, ...own.map((rank) => ofImage[rank])].sort((a, b) => a - b);
}
