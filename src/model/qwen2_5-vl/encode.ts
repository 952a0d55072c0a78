import * as tf from "@tensorflow/tfjs";
import type { Grid } from "../../core/grid.ts";
import type { Readback } from "../../core/readback.ts";
import type { Tap } from "../../core/taps.ts";
import { towerBlock } from "../tower-block.ts";
import { meanOf } from "../transformer/layers.ts";
import type { EncodedGrid } from "../vlm.ts";
import type { Weights } from "../weights.ts";
import type { QwenVisionConfig } from "./config.ts";
import { merge } from "./merger.ts";
import { queriesAndKeys, towerInTurns } from "./tower.ts";

/**
 * What the tower shows of images of one size: merged cells in raster order. There is no class token; what a cell is
 * worth by attention is the attention that its patches **receive** in the last block that attends over everything,
 * mean over heads, summed over the patches that pay it, mean over the patches of the cell.
 *
 * @param patches [I, P, 3·t·p·p], flattened pixels
 * @param grid of cells
 */
export function* encode(
  w: Weights,
  vision: QwenVisionConfig,
  patches: tf.Tensor3D,
  grid: Grid,
  tap: Tap,
): Readback<EncodedGrid> {
  const perCell = vision.spatialMergeSize ** 2;
  const seen = yield* towerInTurns(w, vision, patches, grid, tap);
  const { order } = seen.windows;
  const back = new Array<number>(order.length);
  order.forEach((cell, at) => {
    back[cell] = at;
  });
  const raster = <T extends tf.Tensor>(x: tf.Tensor): T => tf.gather(x, tf.tensor1d(back, "int32"), 1) as T;
  const merged = (state: tf.Tensor3D) => raster<tf.Tensor3D>(merge(w.at("merger"), state, perCell)); // [I, N, Hd]
  // [I, P, …] → [I, N, …]
  const ofCells = <T extends tf.Tensor>(x: T): T =>
    raster<T>(x.reshape([x.shape[0], order.length, perCell, ...x.shape.slice(2)]).mean(2));
  return {
    grid,
    features: tap("vision.features", merged(seen.hiddenStates[vision.depth])),
    extraTokens: 0,
    prefixTokens: 0,
    heads: vision.numHeads,
    blocks: vision.depth,
    featureBlock: vision.depth - 1,
    fullAttentionBlocks: vision.fullAttentionBlocks,
    meanState: (first, last) => merged(meanOf(seen.hiddenStates.slice(first, last + 1))),
    classFeature: undefined,
    clsAttention: tap("vision.cls_attention", ofCells(seen.received)),
    keyNorms: tap("vision.key_norms", ofCells(seen.keys.square().sum(3).sum(1).sqrt() as tf.Tensor2D)),
    block: (block) => towerBlock({ ...queriesAndKeys(w, vision, seen, block), onGrid: ofCells }),
    members: undefined,
  };
}
