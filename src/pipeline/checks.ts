import { NuwaError } from "../core/errors.ts";
import { patchCount } from "../core/grid.ts";
import { type Sequence, visualCounts } from "../core/slots.ts";
import type { CutSelection, PatchSelection, PatchView } from "../methods/method.ts";

/*
 * What a method returns is checked where it enters the pipeline, so that a mistake in a method is one line about the
 * method and not wrong numbers, or an error of the backend some layers later.
 */

/**
 * Checks what stage 1 of a method returned for one grid.
 *
 * @param name of the method, for errors
 * @param numbers of the images in the batch, for errors
 * @throws NuwaError naming the method, the image, the token and the value
 */
export function checkPatchSelection(
  name: string,
  selection: PatchSelection,
  { grid, features }: Pick<PatchView, "grid" | "features">,
  numbers: readonly number[],
): void {
  const [images] = features.shape;
  const cells = patchCount(grid);
  const refuse = problem(name, "selectPatches");
  if (selection.cells.length !== images)
    refuse(`gives ${selection.cells.length} lists of cells for ${images} images. Give one list for each image.`);
  selection.cells.forEach((list, image) => {
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
  const longest = Math.max(...selection.cells.map((list) => list.length));
  const { weights, tokens, pillars } = selection;
  const shaped = (what: string, shape: readonly number[], wanted: readonly (number | undefined)[]) => {
    if (shape.length !== wanted.length || wanted.some((size, axis) => size !== undefined && size !== shape[axis]))
      refuse(`${what} have shape [${shape}], not [${wanted.map((size) => size ?? "width")}].`);
  };
  if (weights && weights.shape[2] !== features.shape[1] + 1)
    shaped("weights", weights.shape, [images, longest, tokens ? cells : features.shape[1]]);
  else if (weights) shaped("weights", weights.shape, [images, longest, undefined]);
  if (tokens) shaped("tokens", tokens.shape, [images, longest, undefined]);
  if (pillars && (pillars.length !== images || pillars.some((row, i) => row.length !== selection.cells[i].length)))
    refuse("pillars do not say yes or no for each kept token of each image.");
}

/**
 * Checks weights as they were read out.
 *
 * @param numbers of the images in the batch, for errors
 * @throws NuwaError naming the method, the image, the token and the value
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
export function checkCutSelection(
  name: string,
  { keep, added }: CutSelection,
  sequence: Sequence,
  layer: number,
): void {
  const refuse = problem(name, `the cut before layer ${layer}`);
  const counts = visualCounts(sequence);
  if (keep.length !== counts.length)
    refuse(`gives ${keep.length} lists for ${counts.length} samples. Give one list for each sample.`);
  keep.forEach((ranks, sample) => {
    ranks.forEach((rank, token) => {
      const at = `sample ${sample}, token ${token}: rank ${rank}`;
      if (!Number.isInteger(rank) || rank < 0 || rank >= counts[sample])
        refuse(`${at} is not an integer from 0 to ${counts[sample] - 1}, one of the visual tokens.`);
      if (token > 0 && rank <= ranks[token - 1]) refuse(`${at} does not ascend. Give each rank once, in order.`);
    });
    const made = added?.counts[sample] ?? 0;
    if (counts[sample] > 0 && ranks.length + made === 0)
      refuse(`keeps no token of sample ${sample}. Keep at least one.`);
  });
  if (!added) return;
  const [samples, most, length] = added.weights.shape;
  if (samples !== counts.length || length !== sequence[0].length || added.counts.some((count) => count > most))
    refuse(
      `weights of new tokens have shape [${added.weights.shape}], not [${counts.length}, most, ${sequence[0].length}].`,
    );
}

function problem(name: string, where: string): (what: string) => never {
  return (what) => {
    throw new NuwaError(`method ${name}: ${where}: ${what}`);
  };
}
