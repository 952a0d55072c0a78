import * as tf from "@tensorflow/tfjs";
import { patchCount } from "../core/grid.ts";
import { best, checkScores } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import { type AverageTokens, averageCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { meanKeys, nearestByCosine, perImage, requirePatches, unitVectors } from "./patches.ts";

/** Parameters of {@link visionzip}. */
export interface VisionzipOptions {
  /** Tokens kept for their attention from the class token, which itself is one of them. */
  readonly dominant: number;
  /** Tokens that the others are merged into. */
  readonly contextual: number;
  readonly positions?: PositionPolicy;
}

/**
 * VisionZip: the patches that the class token attends to most (summed over heads, in the block of the
 * features) and the class token go on as they are. Where a grid has no class token of its own one more patch does, and
 * in a family without class tokens attention received takes their place. Of the rest, every n-th patch becomes a
 * contextual token (see {@link uniformTargets}): its own feature **plus** the mean of those whose head-mean keys are
 * nearest to its own by cosine.
 *
 * Source: Yang et al., "VisionZip: Longer is Better but Not Necessary in Vision Language Models", CVPR 2025,
 * arXiv 2412.04467; released code: github.com/dvlab-research/VisionZip. Order as there: the class token,
 * dominant patches in raster order, contextual tokens in raster order of their targets.
 */
export function visionzip({ dominant, contextual, positions = "compressed" }: VisionzipOptions): Method {
  return {
    name: "visionzip",
    needs: ["class-attention", "tower-blocks"],
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen, tap) {
      requirePatches("visionzip", seen);
      const total = patchCount(seen.grid);
      // It goes on where a grid has one of its own; elsewhere one more patch does.
      const classTokens = seen.classFeature ? [-1] : [];
      const first = -classTokens.length;
      const scores = tap("stage1.salience", seen.clsAttention);
      const attention = perImage(yield* readback(scores), total);
      const values = yield* readback(meanKeys(seen, seen.featureBlock));
      const keys = perImage(values, values.length / attention.length).map((own) => unitVectors(own, total));
      // Of several grids each splits its own share in the same ratio; a share of each kind may be less than a token.
      const asked = dominant + contextual;
      const share = seen.image.grids.length === 1 ? asked : seen.share(asked);
      const contextualHere = Math.min(share - 1, Math.round((share * contextual) / asked));
      const chosen = attention.map((own, image) => {
        checkScores("VisionZip's class attention", own);
        const kept = best([...own.keys()], own, share - contextualHere - classTokens.length).sort((a, b) => a - b);
        const rest = [...own.keys()].filter((patch) => !kept.includes(patch));
        const targets = uniformTargets(rest, contextualHere);
        const others = rest.filter((patch) => !targets.includes(patch));
        return { kept, targets, merged: mergedInto(keys[image], others, targets) };
      });
      return {
        cells: chosen.map(({ kept, targets }) => [...classTokens, ...kept, ...targets]),
        weights: tf.tensor3d(
          chosen.map(({ kept, targets, merged }) => [
            ...[...classTokens, ...kept].map((patch) => row(first, total, [[patch, 1]])),
            ...targets.map((patch, i) =>
              row(first, total, [
                [patch, 1],
                ...merged[i].map((other): [number, number] => [other, 1 / merged[i].length]),
              ]),
            ),
          ]),
        ),
      };
    },
    cuts: new Map(),
  };
}

/** Every ⌊n/count⌋-th of n patches, from the first, until there are enough. */
export function uniformTargets(patches: readonly number[], count: number): number[] {
  const stride = Math.max(1, Math.floor(patches.length / Math.max(1, count)));
  return patches.filter((_, i) => i % stride === 0).slice(0, count);
}

/** For each target the patches that are nearest to it. */
function mergedInto(keys: readonly Float64Array[], others: readonly number[], targets: readonly number[]): number[][] {
  if (targets.length === 0) return [];
  const nearest = others.map((other) => nearestByCosine(keys, other, targets, 1)[0]);
  return targets.map((target) => others.filter((_, i) => nearest[i] === target));
}

/** Weights over the sources of an image, the first of which is patch `first`: −1, the class token, or 0. */
function row(first: number, patches: number, entries: readonly (readonly [number, number])[]): number[] {
  const weights = new Array<number>(patches - first).fill(0);
  for (const [patch, weight] of entries) weights[patch - first] = weight;
  return weights;
}

/**
 * VisionZip's split: of 64 tokens 54 are dominant, the class token among them, and 10 contextual; 108 and
 * 20 of 128, 162 and 30 of 192. Other sums are split in the same ratio.
 *
 * @throws UsageError when the average does not fit the model
 */
export function visionzipBudget(average: AverageTokens, total: number): { dominant: number; contextual: number } {
  const tokens = Math.round(averageCount(average, total));
  const contextual = Math.min(tokens - 1, Math.round((tokens * 10) / 64));
  return { dominant: tokens - contextual, contextual };
}

/** {@link visionzip} for the registry. */
export const definition: MethodDefinition<{ readonly dominant: number; readonly contextual: number }> = {
  name: "visionzip",
  summary: "patches that the class token attends to most, and contextual tokens that the rest is merged into",
  positions: "compressed",
  taps: ["stage1.salience"],
  budget: (average, { total }) => visionzipBudget(average, total),
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    choosingFor(average, size, visionzip({ ...definition.budget(average, size), positions })),
};
