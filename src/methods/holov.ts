import { dot } from "../core/dot.ts";
import { UsageError } from "../core/errors.ts";
import { patchCount } from "../core/grid.ts";
import { best, checkScores } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import { shown } from "../core/schema.ts";
import { wholeCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition, type MethodRequest } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { perImage, requirePatches, unitVectors } from "./patches.ts";

/** What a crop is worth, see {@link cropWorth}. */
export type HolovReading = "official" | "paper";

const READINGS: readonly HolovReading[] = ["official", "paper"];

/** Parameters of {@link holov}. */
export interface HolovOptions {
  /** How many patches go on. */
  readonly keep: number;
  /** ("official") */
  readonly reading?: HolovReading;
  /** Into how many crops a grid is cut (16). The released file for Qwen takes ⌊(1024/576)·N/k⌋. */
  readonly crops?: number;
  /**
   * The order of a crop's patches: by falling attention as in the released code (the default), so that compressed ids
   * say nothing of where a patch is; or raster order, in which cells and ids ascend together.
   */
  readonly order?: "attention" | "raster";
  readonly positions?: PositionPolicy;
}

/**
 * HoloV: the raster is cut into crops of equal length, each gets a share of the tokens by what it is worth, and in
 * each the patches stay that the class token attends to most. A crop of a flat raster is no square: on 24×24 patches it
 * is a row and a half.
 *
 * Source: Zou et al., "Don't Just Chase 'Highlighted Tokens' in MLLMs: Revisiting Visual Holistic Context Retention",
 * NeurIPS 2025, arXiv 2510.02912; released code: github.com/obananas/HoloV. There, a crop that is given more than it
 * holds loses the rest, and vectors of zeros go on in their place; here others get it.
 */
export function holov(options: HolovOptions): Method {
  const { keep, reading = "official", crops = 16, order = "attention", positions = "compressed" } = options;
  return {
    name: "holov",
    needs: ["class-attention"],
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen, tap) {
      requirePatches("holov", seen);
      const total = patchCount(seen.grid);
      const summed = perImage(yield* readback(tap("stage1.salience", seen.clsAttention)), total);
      // Only the paper's reading looks at features; see cropWorth.
      const values = reading === "paper" ? yield* readback(seen.project(seen.features)) : new Float32Array();
      const features = perImage(values, values.length / summed.length);
      return {
        cells: summed.map((sum, image) => {
          checkScores("HoloV's class attention", sum);
          const attention = Float64Array.from(sum, (value) => value / seen.heads);
          const runs = cropsOf(total, crops);
          const worth =
            reading === "paper"
              ? cropWorth(runs, attention, contextualDiversity(runs, unitVectors(features[image], total)))
              : cropWorth(runs, attention);
          const quotas = cropQuotas(
            worth,
            runs.map((run) => run.length),
            seen.share(keep),
          );
          return runs.flatMap((run, crop) => {
            // A crop that is kept whole is not sorted.
            if (quotas[crop] === run.length) return run;
            const kept = best(run, attention, quotas[crop]);
            return order === "raster" ? kept.sort((a, b) => a - b) : kept;
          });
        }),
      };
    },
    cuts: new Map(),
  };
}

/** Runs of the raster of equal length, the first ones a patch longer where the number does not divide the patches. */
export function cropsOf(total: number, crops: number): number[][] {
  const count = Math.min(crops, total);
  const start = (crop: number) => crop * Math.floor(total / count) + Math.min(crop, total % count);
  return Array.from({ length: count }, (_, crop) =>
    Array.from({ length: start(crop + 1) - start(crop) }, (_, i) => start(crop) + i),
  );
}

/**
 * Contextual diversity of each patch: the variance of its cosines with the patches of its crop, its own set to 0.
 *
 * @param runs the patches of each crop
 * @param units features of unit length
 */
export function contextualDiversity(runs: readonly (readonly number[])[], units: readonly Float64Array[]): number[] {
  const diversity: number[] = [];
  for (const run of runs)
    for (const patch of run) {
      const cosines = run.map((other) => (other === patch ? 0 : dot(units[patch], units[other])));
      const mean = meanOf(cosines);
      const squares = cosines.reduce((sum, cosine) => sum + (cosine - mean) ** 2, 0);
      diversity[patch] = squares / Math.max(1, run.length - 1);
    }
  return diversity;
}

/**
 * What each crop is worth: the mean over its patches of attention and of rescaled diversity.
 *
 * The released code scales the diversity of a crop so that its mean is the crop's mean attention, and adds 0.09 of it
 * to 1000 times the attention. The mean of that is 1000.09 times the mean attention, whatever the features are: so it
 * is written here, and no features are looked at. The paper's diversity is to compare crops, which takes a scale that
 * is common to all: here its mean over the image is the mean attention of the image, and both weigh alike. That weight
 * is our choice.
 *
 * @param diversity of each patch; undefined: as in the released code
 */
export function cropWorth(
  runs: readonly (readonly number[])[],
  attention: ArrayLike<number>,
  diversity?: readonly number[],
): number[] {
  const mean = (run: readonly number[], values: ArrayLike<number>) => meanOf(run.map((patch) => values[patch]));
  if (!diversity) return runs.map((run) => 1000.09 * mean(run, attention));
  const all = runs.flat();
  const spread = mean(all, diversity);
  const scale = spread > 0 ? mean(all, attention) / spread : 0;
  return runs.map((run) => mean(run, attention) + scale * mean(run, diversity));
}

/**
 * How many patches each crop keeps: ⌊k·w⌋, w being its part of all worth, and no more than it holds; what is left
 * goes to the crops that have room, one each in the order of falling worth, until nothing is left.
 *
 * @param worth of each crop; below 0 counts as 0
 * @param sizes patches of each crop, k or more in all
 * @param count k
 */
export function cropQuotas(worth: readonly number[], sizes: readonly number[], count: number): number[] {
  const positive = worth.map((value) => Math.max(0, value));
  const sum = positive.reduce((all, value) => all + value, 0);
  // The released code's guard against an image without attention.
  const parts = positive.map((value) => value / (sum + 1e-6));
  const quotas = parts.map((part, crop) => Math.min(sizes[crop], Math.floor(count * part)));
  const order = best([...parts.keys()], parts, parts.length);
  let left = count - quotas.reduce((all, quota) => all + quota, 0);
  while (left > 0)
    for (const crop of order) {
      if (left === 0 || quotas[crop] === sizes[crop]) continue;
      quotas[crop]++;
      left--;
    }
  return quotas;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What HoloV can be asked for with besides what every method can. */
export interface HolovRequest extends MethodRequest {
  /** The reading of the method ("official"). */
  readonly variant?: HolovReading;
}

/** {@link holov} for the registry. */
export const definition: MethodDefinition<number, HolovRequest> = {
  name: "holov",
  summary: "a share of the tokens for each of 16 runs of the raster, filled by class attention",
  positions: "compressed",
  taps: ["stage1.salience"],
  variants: READINGS,
  budget: (average, { total }) => wholeCount(average, total),
  create({ average = DEFAULT_AVERAGE, variant = "official", positions }, size) {
    if (!READINGS.includes(variant))
      throw new UsageError(`variant ${shown(variant)} does not exist. There are: ${READINGS.join(", ")}.`);
    return choosingFor(average, size, holov({ keep: definition.budget(average, size), reading: variant, positions }));
  },
};
