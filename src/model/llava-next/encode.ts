import * as tf from "@tensorflow/tfjs";
import type { Readback } from "../../core/readback.ts";
import { type Tap, within } from "../../core/taps.ts";
import { groupedBy } from "../image-shape.ts";
import { classTokens } from "../llava/config.ts";
import { featuresOf, queriesAndKeys, withoutPrefix } from "../llava/encode.ts";
import { mergingTower, type TowerSource } from "../llava/tower.ts";
import { towerBlock } from "../tower-block.ts";
import { meanOf } from "../transformer/layers.ts";
import type { EncodedGrid, EncodedImages } from "../vlm.ts";
import type { Tiling } from "./shape.ts";

/**
 * What the tower shows of images in tiles. Every tile goes through the tower alone; the patches of the base tile are
 * the first grid, those of the others, stitched and without padding, the second.
 *
 * @param pixels [T, 3, S, S], the tiles of all images, each image's base tile first, then row by row
 * @param tilings of the images
 */
export function* encode(
  model: TowerSource,
  pixels: tf.Tensor4D,
  tilings: readonly Tiling[],
  watching: Tap,
): Readback<EncodedImages[]> {
  const { vision } = model.config;
  const tap = within(watching, {
    images: tilings.flatMap((one, image) => new Array<number>(tilesOf(one)).fill(image)),
  });
  const seen = yield* mergingTower(model, pixels, tap);
  const patches = (x: tf.Tensor) => withoutPrefix(x, classTokens(vision));
  const state = tap("vision.features", patches(featuresOf(seen))); // [T, n², D]; n·D wide of several layers
  const attention = tap("vision.cls_attention", seen.salience); // [T, n²]
  const keys = patches(seen.keys);
  const norms = tap("vision.key_norms", keys.square().sum(-1).sqrt() as tf.Tensor2D); // [T, n²]
  const firstTiles = tilings.map((_, i) => tilings.slice(0, i).reduce((sum, one) => sum + tilesOf(one), 0));

  const gridOf = (images: readonly number[], which: number): EncodedGrid => {
    const rows = images.map((image) => patchesOf(tilings[image], which, firstTiles[image]));
    const of = <T extends tf.Tensor>(x: tf.Tensor): T => gathered(x, rows) as T;
    return {
      grid: tilings[images[0]].shape.grids[which],
      features: of(state),
      extraTokens: 0,
      prefixTokens: 0,
      heads: vision.numAttentionHeads,
      blocks: vision.numHiddenLayers,
      featureBlock: seen.featureBlock,
      fullAttentionBlocks: Array.from({ length: vision.numHiddenLayers }, (_, block) => block),
      meanState: (first, last) => of(patches(meanOf(seen.hiddenStates.slice(first, last + 1)))),
      clsAttention: of(attention),
      keyNorms: of(norms),
      members: undefined,
      classFeature: undefined,
      block: (block) => towerBlock({ ...queriesAndKeys(model, seen, block), onGrid: of }),
    };
  };
  const sizes = tilings.map(({ tiles, local }) => [tiles.rows, tiles.columns, local.rows, local.columns].join());
  return groupedBy(sizes).map((images) => ({
    images,
    shape: tilings[images[0]].shape,
    grids: tilings[images[0]].shape.grids.map((_, which) => gridOf(images, which)),
  }));
}

function tilesOf({ tiles }: Tiling): number {
  return 1 + tiles.rows * tiles.columns;
}

/** For each cell of a grid of an image which of the patches of all tiles it is. */
function patchesOf({ side, tiles, local }: Tiling, which: number, firstTile: number): number[] {
  const perTile = side * side;
  if (which === 0) return Array.from({ length: perTile }, (_, cell) => firstTile * perTile + cell);
  return Array.from({ length: local.rows * local.columns }, (_, cell) => {
    const row = local.top + Math.floor(cell / local.columns);
    const column = local.left + (cell % local.columns);
    const tile = firstTile + 1 + Math.floor(row / side) * tiles.columns + Math.floor(column / side);
    return tile * perTile + (row % side) * side + (column % side);
  });
}

/** Rows of all patches, [T, n², …] → [I, N, …]. */
function gathered(x: tf.Tensor, rows: readonly (readonly number[])[]): tf.Tensor {
  const [tiles, patches, ...rest] = x.shape;
  const flat = x.reshape([tiles * patches, ...rest]);
  return tf.gather(flat, tf.tensor1d(rows.flat(), "int32")).reshape([rows.length, rows[0].length, ...rest]);
}
