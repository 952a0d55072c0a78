import * as tf from "@tensorflow/tfjs";
import type { Grid } from "../../core/grid.ts";
import { finishSync, type Readback } from "../../core/readback.ts";
import { type Tap, within } from "../../core/taps.ts";
import type { BlockSource } from "../tower-block.ts";
import { attendInParts } from "../transformer/attention.ts";
import { gatedMlp, linear, mergeHeads, rmsNorm, splitHeads, tapRows, tokenRows } from "../transformer/layers.ts";
import { type Rotation, rotate } from "../transformer/rope.ts";
import { inTurn, type Weights } from "../weights.ts";
import type { QwenVisionConfig } from "./config.ts";
import { VISION_EPS } from "./merger.ts";
import { rotaryAngles2d } from "./rotary.ts";
import { attendInWindows, type Windows, windowsOf } from "./windows.ts";

/** What the vision tower computes of I images with P patches each, in the tower's own order of cells. */
export interface TowerOutput {
  /** hidden_states[0..depth], each [I, P, D]: the embedded patches, then the output of each block. */
  readonly hiddenStates: readonly tf.Tensor3D[];
  /** The attention that each patch receives in the last block that attends over everything, [I, P]. */
  readonly received: tf.Tensor2D;
  /** The keys of that block after the rotary positions, [I, h, P, d]. */
  readonly keys: tf.Tensor4D;
  readonly windows: Windows;
  readonly rotation: Rotation;
}

/**
 * The vision tower of Qwen2.5-VL: pre-norm ViT with 2-D rotary positions, a gated MLP, and attention inside windows
 * but for a few blocks. There is no class token.
 *
 * @param patches [I, P, 3·t·p·p], flattened pixels, the patches of a cell one after the other, cells in raster order
 * @param grid of cells
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py
 */
export function* towerInTurns(
  w: Weights,
  vision: QwenVisionConfig,
  patches: tf.Tensor3D,
  grid: Grid,
  watching: Tap,
): Readback<TowerOutput> {
  const tap = within(watching, { prefixTokens: 0 });
  const { spatialMergeSize: merge, hiddenSize, numHeads } = vision;
  const windows = windowsOf(grid, vision.windowSize / vision.patchSize / merge);
  const rotation = rotaryAngles2d(positionsOf(windows.order, grid, merge), hiddenSize / numHeads);
  const lengths = windows.lengths.map((cells) => cells * merge * merge);
  const last = Math.max(...vision.fullAttentionBlocks);

  const kernel = w.tensor("patch_embed.proj.weight").reshape([hiddenSize, -1]).transpose(); // [3·t·p·p, D]
  const rows = tokenRows(tap("vision.pixels", patches)); // [I·P, 3·t·p·p]
  const embedded = tf.matMul(rows, kernel as tf.Tensor2D).reshape([patches.shape[0], -1, hiddenSize]);
  let x = tap("vision.hidden_states.0", tf.gather(embedded, patchRows(windows.order, merge * merge), 1)) as tf.Tensor3D;
  const hiddenStates = [x];
  let seen: Pick<TowerOutput, "received" | "keys"> | undefined;
  for (let i = 0; i < vision.depth; i++) {
    yield* inTurn(w.at("blocks", i));
    const full = vision.fullAttentionBlocks.includes(i);
    const input = x;
    const output = tf.tidy(() => {
      const reach = full ? "everything" : lengths;
      const { y, received, keys } = block(w.at("blocks", i), input, vision, reach, rotation, tap, i, i === last);
      return i === last ? { y, received, keys } : { y };
    });
    if (i === last) seen = output as typeof output & Pick<TowerOutput, "received" | "keys">;
    x = tap(`vision.hidden_states.${i + 1}`, output.y) as tf.Tensor3D;
    hiddenStates.push(x);
  }
  const { received, keys } = seen as Pick<TowerOutput, "received" | "keys">;
  return { hiddenStates, received, keys, windows, rotation };
}

/** {@link towerInTurns}, waiting for nobody. */
export function visionTower(...inputs: Parameters<typeof towerInTurns>): TowerOutput {
  return finishSync(towerInTurns(...inputs));
}

/** Rows of the patches of some cells, one cell after the other. */
function patchRows(cells: readonly number[], perCell: number): tf.Tensor1D {
  return tf.tensor1d(
    cells.flatMap((cell) => Array.from({ length: perCell }, (_, patch) => cell * perCell + patch)),
    "int32",
  );
}

/** Row and column of each patch, in the order of the cells. */
function positionsOf(cells: readonly number[], { columns }: Grid, merge: number): [number, number][] {
  return cells.flatMap((cell) =>
    Array.from({ length: merge * merge }, (_, patch): [number, number] => [
      Math.floor(cell / columns) * merge + Math.floor(patch / merge),
      (cell % columns) * merge + (patch % merge),
    ]),
  );
}

/** Queries, keys and values of a block before rotary positions, each [I·P, D]. */
function fusedProjections(w: Weights, rows: tf.Tensor2D): tf.Tensor2D[] {
  const width = rows.shape[1];
  const fused = linear(w.at("attn.qkv"), rmsNorm(w.at("norm1"), rows, VISION_EPS)); // [I·P, 3D]
  return [0, 1, 2].map((part) => fused.slice([0, part * width], [-1, width]));
}

/** Queries and keys of a block, computed anew from the hidden state that enters it, [I, P, D] each. */
export function queriesAndKeys(
  w: Weights,
  { numHeads }: QwenVisionConfig,
  { hiddenStates, rotation }: TowerOutput,
  block: number,
): Omit<BlockSource, "onGrid"> {
  const state = hiddenStates[block];
  const [q, k] = fusedProjections(w.at("blocks", block), tokenRows(state));
  const [queries, keys] = [q, k].map((part) =>
    mergeHeads(rotate(splitHeads(part, state.shape[0], numHeads), rotation)).reshape<tf.Tensor3D>(state.shape),
  );
  return { queries, keys, plainKeys: k.reshape<tf.Tensor3D>(state.shape), heads: numHeads, prefixTokens: 0 };
}

/**
 * One block: attention and a gated MLP, each around a residual.
 *
 * @param reach lengths of the windows, in patches, or everything
 * @param receiving whether the attention that each patch receives is wanted
 */
function block(
  w: Weights,
  x: tf.Tensor3D,
  { numHeads, hiddenAct }: QwenVisionConfig,
  reach: readonly number[] | "everything",
  rotation: Rotation,
  tap: Tap,
  i: number,
  receiving: boolean,
): { y: tf.Tensor; received: tf.Tensor2D | undefined; keys: tf.Tensor4D } {
  const [images] = x.shape;
  const rows = tokenRows(x); // [I·P, D]
  // [I, h, P, d] each
  const [q, k, v] = tf.tidy(() => fusedProjections(w, rows).map((part) => splitHeads(part, images, numHeads)));
  const queries = tap(`vision.${i}.queries`, rotate(q, rotation));
  const keys = tap(`vision.${i}.keys`, rotate(k, rotation));
  const values = tap(`vision.${i}.values`, v);
  const attended =
    reach === "everything"
      ? attendInParts(queries, keys, values, undefined, tap, `vision.${i}`, { received: receiving })
      : {
          output: attendInWindows(queries, keys, values, reach, within(tap, { windows: reach }), `vision.${i}`),
          received: undefined,
        };
  const output = linear(w.at("attn.proj"), mergeHeads(attended.output)); // [I·P, D]
  const y = rows.add<tf.Tensor2D>(tapRows(tap, `vision.${i}.attention_output`, output, x.shape));
  const residual = tapRows(tap, `vision.${i}.residual`, y, x.shape);
  const normed = rmsNorm(w.at("norm2"), residual, VISION_EPS);
  const mlp = gatedMlp(w.at("mlp"), normed, hiddenAct);
  return {
    y: residual.add(tapRows(tap, `vision.${i}.mlp_output`, mlp, x.shape)).reshape(x.shape),
    received: attended.received,
    keys,
  };
}
