import * as tf from "@tensorflow/tfjs";
import type { Rotation } from "../transformer/rope.ts";

const THETA = 10000;

/**
 * Rotary angles of the vision tower: one half of the pairs of a head turns with the patch's row, the other with its
 * column.
 *
 * @param patches [row, column] of each patch, in the order in which the tower has them
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py
 *   (`rot_pos_emb`)
 */
export function rotaryAngles2d(patches: readonly (readonly [number, number])[], headDim: number): Rotation {
  const quarter = headDim / 4;
  const frequencies = Array.from({ length: quarter }, (_, j) =>
    Math.fround(1 / Math.fround(THETA ** Math.fround((2 * j) / (headDim / 2)))),
  );
  const shape: [number, number, number, number] = [1, 1, patches.length, headDim];
  const [cos, sin] = [new Float32Array(patches.length * headDim), new Float32Array(patches.length * headDim)];
  patches.forEach((position, patch) => {
    for (let pair = 0; pair < 2 * quarter; pair++) {
      const angle = Math.fround(position[pair < quarter ? 0 : 1] * frequencies[pair % quarter]);
      const at = patch * headDim + pair;
      cos[at] = cos[at + 2 * quarter] = Math.cos(angle);
      sin[at] = sin[at + 2 * quarter] = Math.sin(angle);
    }
  });
  return { cos: tf.tensor4d(cos, shape), sin: tf.tensor4d(sin, shape) };
}
