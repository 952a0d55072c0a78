import * as tf from "@tensorflow/tfjs";
import { patchCount } from "../core/grid.ts";
import { best, checkScores, quantile } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import { wholeCount } from "./budget.ts";
import type { Method, MethodDefinition } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { nearestByCosine, perImage, requirePatches, unitVectors } from "./patches.ts";

/**
 * Parameters of {@link prumerge}. The original's division by zero has no switch: it selects nothing; see
 * {@link adaptiveCentres}.
 */
export interface PrumergeOptions {
  /** How many tokens go on, the extra one among them. Undefined: as many as the outliers ask for, as published. */
  readonly keep?: number;
  /** How many patches each kept one absorbs: an eighteenth of its grid unless given, 32 of 576 as published. */
  readonly neighbours?: number;
  readonly positions?: PositionPolicy;
}

/**
 * LLaVA-PruMerge+: patches whose attention from the class token is an outlier, and patches spread evenly
 * between them, each plus the attention-weighted sum of its cosine-nearest by key; one extra token is the
 * weighted sum of all that were not chosen. The attention is that of the last block, as a single head over
 * the full width; without a class token it is what patches receive. How many tokens there are depends on the image.
 *
 * Source: Shang et al., "LLaVA-PruMerge: Adaptive Token Reduction for Efficient Large Multimodal Models", ICCV
 * 2025, arXiv 2403.15388; released code: github.com/42Shawn/LLaVA-PruMerge, the "plus" function. Order as
 * there: outliers by falling score, then the grid, then the extra token. Sums are not divided by their weights.
 */
export function prumerge({ keep, neighbours, positions = "compressed" }: PrumergeOptions = {}): Method {
  return {
    name: "prumerge",
    needs: ["tower-blocks"],
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen, tap) {
      requirePatches("prumerge", seen);
      const total = patchCount(seen.grid);
      // 32 of 576 patches, and the same share of others.
      const absorbing = neighbours ?? Math.max(1, Math.round(total / 18));
      const lastBlock = seen.block(Math.max(...seen.fullAttentionBlocks));
      const scores = tap("stage1.salience", lastBlock.singleHead()); // [I, N]
      const all = perImage(yield* readback(scores), total);
      const values = yield* readback(lastBlock.keys); // [I, N, D]
      const units = perImage(values, values.length / all.length).map((own) => unitVectors(own, total));
      const chosen = all.map((own) => {
        checkScores("PruMerge's class attention", own);
        return keep === undefined ? adaptiveCentres(own) : spreadCentres(own, seen.share(keep) - 1);
      });
      const longest = 1 + Math.max(...chosen.map((centres) => centres.length));
      const empty = () => new Array<number>(total).fill(0);
      // Which patches a token is, and which it absorbs by their attention; the attention stays on the tape.
      const [own, absorbed] = [0, 1].map((part) =>
        chosen.map((centres, image) => {
          const rows = centres.map((patch) =>
            part === 0 ? [patch] : nearestByCosine(units[image], patch, without(total, [patch]), absorbing),
          );
          const extra = part === 0 ? [] : without(total, centres);
          const padding = Array.from({ length: longest - centres.length - 1 }, empty);
          return [...[...rows, extra].map((patches) => marked(empty(), patches)), ...padding];
        }),
      );
      const weights = tf.tensor3d(own).add<tf.Tensor3D>(tf.tensor3d(absorbed).mul(scores.expandDims(1)));
      return { cells: chosen.map((centres) => [...centres, -1]), weights };
    },
    cuts: new Map(),
  };
}

/**
 * The published number: scores above Q3 + 1.5·IQR, by falling score, and every ⌊⌊1/r⌋/3⌋-th patch, r being the
 * share of outliers. Without an outlier the released code divides by zero; here the best patch then counts
 * as one. Like there, the last patch of the raster is never one of the even ones.
 */
export function adaptiveCentres(scores: Float32Array): number[] {
  const total = scores.length;
  const [q1, q3] = [quantile(scores, 0.25), quantile(scores, 0.75)];
  const bound = q3 + 1.5 * (q3 - q1);
  const ratio = Math.max(1, scores.filter((score) => score > bound).length) / total;
  const outliers = best([...scores.keys()], scores, Math.max(1, Math.floor(total * ratio)));
  const stride = Math.max(1, Math.floor(Math.floor(1 / ratio) / 3));
  const even = Array.from({ length: Math.ceil((total - 1) / stride) }, (_, i) => i * stride);
  return [...outliers, ...even.filter((patch) => !outliers.includes(patch))];
}

/**
 * For a given number: a quarter by score, the rest spread evenly over what is left, which is about the published
 * share.
 */
export function spreadCentres(scores: Float32Array, count: number): number[] {
  const outliers = best([...scores.keys()], scores, Math.round(count / 4));
  const rest = without(scores.length, outliers);
  const even = Array.from({ length: count - outliers.length }, (_, i) =>
    Math.floor((i * rest.length) / (count - outliers.length)),
  );
  return [...outliers, ...even.map((i) => rest[i])];
}

function without(total: number, patches: readonly number[]): number[] {
  return Array.from({ length: total }, (_, patch) => patch).filter((patch) => !patches.includes(patch));
}

function marked(row: number[], patches: readonly number[]): number[] {
  for (const patch of patches) row[patch] = 1;
  return row;
}

/** {@link prumerge} for the registry. Without an average the number of tokens depends on the image, as published. */
export const definition: MethodDefinition<number> = {
  name: "prumerge",
  summary: "outliers of class attention and patches spread evenly, each with its nearest merged in (PruMerge+)",
  positions: "compressed",
  taps: ["stage1.salience"],
  publishedAverage: true,
  budget: (average, { total }) => wholeCount(average, total),
  create: ({ average, positions }, size) =>
    choosingFor(average, size, prumerge({ keep: average && definition.budget(average, size), positions })),
};
