import * as tf from "@tensorflow/tfjs";
import { NonFiniteError } from "../core/errors.ts";
import { patchCount } from "../core/grid.ts";
import { type Sequence, visualCounts } from "../core/slots.ts";
import { problem } from "../methods/guard.ts";
import type { AddedTokens, CutSelection, PatchSelection, PatchView } from "../methods/method.ts";

/*
 * What a method returns is checked where it enters the pipeline, so that a mistake in a method is one line about the
 * method and not wrong numbers, or an error of the backend some layers later.
 */

/**
 * Checks what stage 1 of a method returned for one grid.
 *
 * @param name of the method, for errors
 * @param numbers of the images in the batch, for errors
 * @returns the selection with its cells as plain lists
 * @throws NuwaError naming the method, the image, the token and the value
 */
export function checkPatchSelection(
  name: string,
  selection: PatchSelection,
  { grid, features }: Pick<PatchView, "grid" | "features">,
  numbers: readonly number[],
): PatchSelection {
  const [images] = features.shape;
  const cells = patchCount(grid);
  const refuse = problem(name, "selectPatches");
  const isList = (value: unknown) => Array.isArray(value) || ArrayBuffer.isView(value);
  if (typeof selection !== "object" || selection === null || !Array.isArray(selection.cells))
    refuse("returns no { cells }, one list of cells for each image.");
  if (selection.cells.length !== images || !Array.from(selection.cells).every(isList))
    refuse(`gives ${selection.cells.length} lists of cells for ${images} images. Give one list for each image.`);
  // What was read out of a tensor is a typed array, which is not flattened as a list is.
  const lists = selection.cells.map((list) => Array.from(list));
  lists.forEach((list, image) => {
    if (list.length === 0) refuse(`keeps no token of image ${numbers[image]}. Keep at least one.`);
    const seen = new Set<number>();
    list.forEach((cell, token) => {
      const at = `image ${numbers[image]}, token ${token}: cell ${cell}`;
      if (!Number.isInteger(cell) || cell < -1 || cell >= cells)
        refuse(`${at} is not an integer from 0 to ${cells - 1} (or -1, a token without a cell).`);
      if (cell >= 0 && seen.has(cell)) refuse(`${at} is kept twice. Give each cell once.`);
      seen.add(cell);
    });
  });
  const longest = Math.max(...lists.map((list) => list.length));
  const { weights, tokens, pillars } = selection;
  const shaped = (what: string, tensor: tf.Tensor, wanted: readonly (number | undefined)[]) => {
    if (!(tensor instanceof tf.Tensor)) refuse(`${what} are no tensor.`);
    const { shape } = tensor;
    if (shape.length !== wanted.length || wanted.some((size, axis) => size !== undefined && size !== shape[axis]))
      refuse(`${what} have shape [${shape}], not [${wanted.map((size) => size ?? "width")}].`);
  };
  const sources = weights?.shape?.[2] === features.shape[1] + 1 ? undefined : tokens ? cells : features.shape[1];
  if (weights) shaped("weights", weights, [images, longest, sources]);
  if (tokens) shaped("tokens", tokens, [images, longest, features.shape[2]]);
  const marks = (row: readonly boolean[] | undefined, image: number) =>
    row?.length === lists[image].length && row.every((mark) => typeof mark === "boolean");
  if (pillars && !(pillars.length === images && lists.every((_, image) => marks(pillars[image], image))))
    refuse("pillars do not say true or false for each kept token of each image.");
  return { ...selection, cells: lists };
}

/**
 * Checks weights as they were read out.
 *
 * @param numbers of the images in the batch, for errors
 * @throws NonFiniteError naming the method, the image, the token and the value
 */
export function checkWeights(
  name: string,
  values: ArrayLike<number>,
  [, tokens, sources]: readonly number[],
  numbers: readonly number[],
): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const row = Math.floor(i / sources);
    problem(
      name,
      "selectPatches",
      NonFiniteError,
    )(
      `image ${numbers[Math.floor(row / tokens)]}, token ${row % tokens}: the weight of source ${i % sources} is ` +
        `${values[i]}. Weights must be finite.`,
    );
  }
}

/**
 * Checks what a cut of a method returned.
 *
 * @param layer the cut is made before it
 * @throws NuwaError naming the method, the sample, the token and the value
 */
export function checkCutSelection(name: string, selection: CutSelection, sequence: Sequence, layer: number): void {
  const refuse = problem(name, `the cut before layer ${layer}`);
  const counts = visualCounts(sequence);
  if (typeof selection !== "object" || selection === null || !Array.isArray(selection.keep))
    refuse("returns no { keep }, one list of ranks for each sample.");
  const { keep, added } = selection;
  if (keep.length !== counts.length || !Array.from(keep).every((ranks) => typeof ranks?.length === "number"))
    refuse(`gives ${keep.length} lists for ${counts.length} samples. Give one list for each sample.`);
  if (added) checkAdded(refuse, added, sequence);
  keep.forEach((ranks, sample) => {
    if (counts[sample] === 0 && ranks.length > 0)
      refuse(`sample ${sample}: keeps ${ranks.length} tokens, but shows no visual token. Give an empty list.`);
    Array.from(ranks).forEach((rank, token) => {
      const at = `sample ${sample}, token ${token}: rank ${rank}`;
      if (!Number.isInteger(rank) || rank < 0 || rank >= counts[sample])
        refuse(`${at} is not an integer from 0 to ${counts[sample] - 1}, one of the visual tokens.`);
      if (token > 0 && rank <= ranks[token - 1]) refuse(`${at} does not ascend. Give each rank once, in order.`);
    });
    if (counts[sample] > 0 && ranks.length + (added?.counts[sample] ?? 0) === 0)
      refuse(`keeps no token of sample ${sample}. Keep at least one.`);
  });
}

/** Checks the new tokens of a cut. */
function checkAdded(refuse: (what: string) => never, { weights, counts }: AddedTokens, sequence: Sequence): void {
  const visual = visualCounts(sequence);
  if (!(weights instanceof tf.Tensor) || !Array.isArray(counts))
    refuse("added needs { weights, counts }: a tensor, and how many tokens each sample gets.");
  const [samples, most, length] = weights.shape as number[];
  if (weights.rank !== 3 || samples !== visual.length || length !== sequence[0].length)
    refuse(`weights of new tokens have shape [${weights.shape}], not [${visual.length}, most, ${sequence[0].length}].`);
  if (counts.length !== visual.length) refuse(`added has ${counts.length} counts for ${visual.length} samples.`);
  counts.forEach((count, sample) => {
    const bound = visual[sample] === 0 ? 0 : most;
    if (!Number.isInteger(count) || count < 0 || count > bound)
      refuse(`sample ${sample}: ${count} new tokens are not an integer from 0 to ${bound}.`);
  });
}

/**
 * Checks the weights of new tokens as they were read out: each is made of visual tokens of its own image alone.
 *
 * @param sequence what the cut was shown
 * @param layer the cut is made before it
 * @throws NuwaError naming the method, the sample, the token and the value
 */
export function checkAddedWeights(
  name: string,
  { weights, counts }: AddedTokens,
  values: ArrayLike<number>,
  sequence: Sequence,
  layer: number,
): void {
  const where = `the cut before layer ${layer}`;
  const refuse = problem(name, where);
  const [, most, length] = weights.shape;
  sequence.forEach((slots, sample) => {
    for (let token = 0; token < counts[sample]; token++) {
      const row = Array.from({ length }, (_, at) => values[(sample * most + token) * length + at]);
      const at = `sample ${sample}, new token ${token}`;
      const odd = row.find((value) => !Number.isFinite(value));
      if (odd !== undefined) problem(name, where, NonFiniteError)(`${at}: a weight is ${odd}. Weights must be finite.`);
      const other = row.findIndex((value, slot) => value !== 0 && slots[slot]?.kind !== "visual");
      if (other >= 0) refuse(`${at}: slot ${other} is no visual token of the image, but has weight ${row[other]}.`);
      if (row.every((value) => value === 0)) refuse(`${at}: has no weights. Make it of some visual token.`);
    }
  });
}
