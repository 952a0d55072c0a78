import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import { patchCount } from "../core/grid.ts";
import type { Position, VisualSlot } from "../core/slots.ts";
import type { TapName } from "../core/tap-points.ts";
import { type Tap, wants, within } from "../core/taps.ts";
import type { Method, PatchSelection } from "../methods/method.ts";
import { aggregate } from "../methods/nuwa/aggregation.ts";
import { sourcesOf } from "../methods/nuwa/positions.ts";
import { cellCount, firstCells, type ImageShape } from "../model/image-shape.ts";
import { gatherRows } from "../model/transformer/layers.ts";
import type { EncodedGrid, Vlm } from "../model/vlm.ts";
import type { ChosenGrid, ChosenImages } from "./choosing.ts";
import { imagesOfPrompt, type SegmentedPrompt, withSeparators } from "./prompts.ts";

/* What is done with a selection, the same for every method: the physical side of pruning. */

/** An image of the batch and what stage 1 kept of it, all grids together. */
export interface SelectedImage {
  readonly shape: ImageShape;
  readonly method: Method;
  /** The cell of each token, in the order in which they enter the decoder: one of all cells of the image; −1: none. */
  readonly cells: readonly number[];
  /** For each of these tokens which one it is of those that the method chose, grid by grid. */
  readonly order: readonly number[];
  /** For each token whether it is a pillar; undefined where the method has none. */
  readonly pillars: readonly (boolean | undefined)[];
  /** For each token its weights over all cells of the image; undefined for a token that is its cell alone. */
  readonly weights: readonly (Float32Array | undefined)[];
}

/** What stage 1 kept of each image of the batch. */
export function selectedImages(chosen: readonly ChosenImages[]): SelectedImage[] {
  const selected: SelectedImage[] = [];
  for (const { images, shape, method, grids } of chosen) {
    const starts = firstCells(shape);
    images.forEach((image, row) => {
      const cells = grids.flatMap(({ selection }, grid) =>
        selection.cells[row].map((cell) => (cell < 0 ? cell : starts[grid] + cell)),
      );
      const pillars = grids.flatMap(({ selection }) =>
        selection.cells[row].map((_, token) => selection.pillars?.[row][token]),
      );
      const weights = grids.flatMap((one, grid) => weightsOf(one, row, starts[grid], cellCount(shape)));
      const order = [...cells.keys()];
      // Separators part rows, so that tokens can only stand in the order of their cells there.
      if (shape.separators.length > 0) order.sort((a, b) => cells[a] - cells[b] || a - b);
      const ordered = <T>(values: readonly T[]) => order.map((token) => values[token]);
      selected[image] = {
        shape,
        method,
        order,
        cells: ordered(cells),
        pillars: ordered(pillars),
        weights: ordered(weights),
      };
    });
  }
  return selected;
}

/**
 * For each token of one grid of an image its weights over the cells of the image, without the class token's.
 *
 * @param row of the image among those of its shape
 * @param start the first cell of the grid
 * @param total cells of the image
 */
function weightsOf(
  { seen, selection, weights }: ChosenGrid,
  row: number,
  start: number,
  total: number,
): (Float32Array | undefined)[] {
  return selection.cells[row].map((_, token) => {
    if (!weights || !selection.weights) return undefined;
    const [, longest, columns] = selection.weights.shape;
    const cells = patchCount(seen.grid);
    const end = (row * longest + token + 1) * columns;
    const own = new Float32Array(total);
    own.set(weights.subarray(end - cells, end), start);
    return own;
  });
}

/**
 * The selected patches, mixed where the method says so, as token embeddings: [I, k, Hd]. Images with fewer tokens
 * repeat one at the end, which no sequence refers to.
 */
export function projectSelected(
  model: Vlm,
  chosen: readonly ChosenImages[],
  images: readonly SelectedImage[],
  watching: Tap,
): tf.Tensor3D {
  const tap = within(watching, { images: [...images.keys()] });
  tapIntegers(
    tap,
    "stage1.indices",
    images.map(({ cells }) => cells),
  );
  if (images.some(({ pillars }) => pillars[0] !== undefined))
    tapIntegers(
      tap,
      "stage1.pillars",
      images.map(({ pillars }) => pillars.map(Number)),
    );
  const projected = model.project(tap("stage1.tokens", tokensOf(chosen, images)));
  return tap("projector.output", model.separator ? separated(projected, images, model.separator) : projected);
}

/** The tokens of each image with the separators between them, [I, k, Hd] → [I, k + separators, Hd]. */
function separated(tokens: tf.Tensor3D, images: readonly SelectedImage[], separator: tf.Tensor): tf.Tensor3D {
  const [count, perImage, width] = tokens.shape;
  const table = tf.concat([tokens.reshape([count * perImage, width]), separator.reshape([1, width])], 0);
  const rows = images.map(({ cells, shape }, image) =>
    withSeparators(
      cells.map((cell, token) => ({ cell, token })),
      shape,
    ).map((one) => ("line" in one ? count * perImage : image * perImage + one.token)),
  );
  const most = Math.max(...rows.map((list) => list.length));
  const filled = rows.flatMap((list) => Array.from({ length: most }, (_, i) => list[i] ?? list[0]));
  return tf.gather(table, tf.tensor1d(filled, "int32")).reshape([count, most, width]);
}

/** [I, k, D]: the tokens of all grids, put together image by image. */
function tokensOf(chosen: readonly ChosenImages[], images: readonly SelectedImage[]): tf.Tensor3D {
  const mixed = chosen.flatMap(({ grids }) => grids.map(({ seen, selection }) => selectedTokens(seen, selection)));
  if (mixed.length === 1 && images.every(({ shape }) => shape.separators.length === 0)) return mixed[0];
  const width = mixed[0].shape[2];
  const table = tf.concat(
    mixed.map((tokens) => tokens.reshape<tf.Tensor2D>([-1, width])),
    0,
  );
  const rows: number[][] = images.map(() => []);
  let [start, tensor] = [0, 0];
  for (const { images: numbers, grids } of chosen)
    for (const { selection } of grids) {
      const [, longest] = mixed[tensor++].shape;
      numbers.forEach((image, row) => {
        rows[image].push(...selection.cells[row].map((_, token) => start + row * longest + token));
      });
      start += numbers.length * longest;
    }
  const most = Math.max(...rows.map((list) => list.length));
  const filled = rows.flatMap((list, image) =>
    Array.from({ length: most }, (_, i) => list[images[image].order[i] ?? 0]),
  );
  return tf.gather(table, tf.tensor1d(filled, "int32")).reshape([rows.length, most, width]);
}

/** The tokens of one grid, [I, k, D]; images with fewer tokens repeat one at the end. */
function selectedTokens(seen: EncodedGrid, { cells, weights, tokens }: PatchSelection): tf.Tensor3D {
  if (tokens) return tokens;
  const { features, grid, extraTokens } = seen;
  const hasClass = extraTokens > 0;
  const wantsClass = weights ? weights.shape[2] > features.shape[1] : cells.some((list) => list.includes(-1));
  if (wantsClass && !hasClass && !seen.classFeature)
    throw new NuwaError("the class token is kept, but this grid has none. Use a method that keeps patches alone.");
  const sources = wantsClass && seen.classFeature && !hasClass ? tf.concat([seen.classFeature, features], 1) : features;
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
  prompts: readonly SegmentedPrompt[],
  images: readonly SelectedImage[],
): Omit<VisualSlot, "kind" | "position">[][] {
  return prompts.map((prompt) =>
    imagesOfPrompt(prompt)
      .flatMap((number, image) => {
        const { cells, weights, method } = images[number];
        const sources = (token: number) => (method.positions === "ppe" ? sourcesOf(weights[token]) : undefined);
        return cells.map((cell, token) => ({ image, cell, sources: sources(token) }));
      })
      .map((slot, row) => ({ ...slot, row })),
  );
}

/**
 * For each sample, for each of its visual tokens and separators in order, which row of {@link projectSelected} it is.
 *
 * @param perImage rows of each image
 */
export function tokenRowsOf(
  prompts: readonly SegmentedPrompt[],
  images: readonly SelectedImage[],
  perImage: number,
): number[][] {
  return prompts.map((prompt) =>
    imagesOfPrompt(prompt).flatMap((number) => {
      const { cells, shape } = images[number];
      return Array.from({ length: cells.length + shape.separators.length }, (_, row) => number * perImage + row);
    }),
  );
}

/** Shows position ids to the tap: [B, S], or [B, R, S] where they have several axes. */
export function tapPositions(tap: Tap, positions: readonly (readonly Position[])[]): void {
  if (!wants(tap, "position_ids")) return;
  const ids = tf.tensor3d(
    positions.map((sample) => sample.map((position) => [...position])),
    undefined,
    "int32",
  );
  tap("position_ids", ids.shape[2] === 1 ? ids.squeeze([2]) : ids.transpose([0, 2, 1]));
}

/** Shows lists of integers to the tap, one row per image or sample; where all are empty there is nothing to show. */
export function tapIntegers(tap: Tap, name: TapName, lists: readonly (readonly number[])[]): void {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  if (longest === 0 || !wants(tap, name)) return;
  const filled = lists.map((list) => [...list, ...new Array<number>(longest - list.length).fill(-2)]);
  tap(name, tf.tensor2d(filled, undefined, "int32"));
}
