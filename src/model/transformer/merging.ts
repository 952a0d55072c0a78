import * as tf from "@tensorflow/tfjs";
import type { Readback } from "../../core/readback.ts";
import type { Tap } from "../../core/taps.ts";

/** What a merge inside the vision tower may look at, between the attention of a block and its MLP. */
export interface MergeView {
  /** Which block, from 0. */
  readonly block: number;
  /** Keys of that block, [I, T, D], all heads side by side. */
  readonly keys: tf.Tensor3D;
  readonly heads: number;
  /** Rows that stand before the patches and are not to be merged: the class token, where there is one. */
  readonly prefixTokens: number;
  /** The block that makes the features; blocks after it change nothing that is used. */
  readonly featureBlock: number;
  readonly tap: Tap;
}

/** Rows that become one token: the first is the token that the others are merged into. */
export type MergeGroup = readonly number[];

/**
 * Chooses what is merged: for each image all T rows in groups, in their new order, as many groups for
 * every image; undefined to merge nothing in this block. The tower merges them.
 */
export type TowerMerge = (view: MergeView) => Readback<readonly (readonly MergeGroup[])[] | undefined>;

/** For each image and token the rows of the unmerged tower that it is made of, the one it stands for first. */
export type Members = readonly (readonly (readonly number[])[])[];

/** Every token is itself. */
export function unmerged(images: number, tokens: number): Members {
  return Array.from({ length: images }, () => Array.from({ length: tokens }, (_, row) => [row]));
}

/** What the tokens are made of after a merge. */
export function mergeMembers(members: Members, groups: readonly (readonly MergeGroup[])[]): Members {
  return groups.map((list, image) => list.map((rows) => rows.flatMap((row) => members[image][row])));
}

/**
 * Tokens averaged by how many patches each stands for (ToMe, section 3): [I, T, D] → [I, T', D].
 *
 * @param members of the tokens before the merge
 */
export function mergeTokens(x: tf.Tensor3D, members: Members, groups: readonly (readonly MergeGroup[])[]): tf.Tensor3D {
  return tf.tidy(() => {
    const [images, tokens] = x.shape;
    const weights = new Float32Array(images * groups[0].length * tokens);
    groups.flat().forEach((rows, at) => {
      const sizes = rows.map((row) => members[Math.floor(at / groups[0].length)][row].length);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      rows.forEach((row, i) => {
        weights[at * tokens + row] = sizes[i] / total;
      });
    });
    return tf.matMul(tf.tensor3d(weights, [images, groups[0].length, tokens]), x);
  });
}

/**
 * Proportional attention (ToMe, section 3, Eq. 1): a key that stands for s patches counts s times, which
 * is + log s before the softmax.
 *
 * @returns [I, 1, 1, T], or undefined while every token is a single patch
 */
export function logSizes(members: Members): tf.Tensor4D | undefined {
  if (members.every((tokens) => tokens.every((rows) => rows.length === 1))) return undefined;
  const values = members.map((tokens) => tokens.map((rows) => Math.log(rows.length)));
  return tf.tensor2d(values).reshape([members.length, 1, 1, members[0].length]);
}
