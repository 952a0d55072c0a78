import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../../../src/core/errors.ts";
import type { Grid } from "../../../../src/core/grid.ts";
import { averageCount } from "../../../../src/methods/budget.ts";
import { DEFAULT_AVERAGE, type MethodDefinition } from "../../../../src/methods/method.ts";
import { similarityFeatures } from "../../../../src/methods/nuwa/aggregation.ts";
import { normalizeRows } from "../../../../src/model/transformer/layers.ts";

/** What a reader's pruner is shown of one picture. */
export interface ShownPatches {
  /** Attention of the class token to each patch, raster order. */
  readonly attention: readonly number[];
  /** Norm of each patch's key. */
  readonly keyNorms: readonly number[];
  /** Cosine of the features of all pairs of patches, row by row: those of Eq. 5. 0 on the made-up grids of laws. */
  readonly likeness: readonly (readonly number[])[];
  readonly grid: Grid;
  /** How many patches to keep. */
  readonly keep: number;
}

/**
 * A reader's pruner as a method of this project.
 *
 * @param prune from {@link ShownPatches} to the raster indices of the patches that stay; what it returns is checked
 */
export function methodOf(prune: (patches: ShownPatches) => unknown): MethodDefinition<number> {
  const definition: MethodDefinition<number> = {
    name: "yours",
    summary: "what the program in the editor keeps",
    positions: "original",
    budget: (average, size) => Math.max(1, Math.round(averageCount(average, size.total))),
    create(request, size) {
      const keep = definition.budget(request.average ?? DEFAULT_AVERAGE, size);
      return {
        name: "yours",
        needs: ["class-attention", "key-norms"],
        positions: request.positions ?? "original",
        idsAfterCut: "kept",
        *selectPatches({ grid, clsAttention, keyNorms, share, ...seen }) {
          const attention = yield clsAttention; // [I, N]
          const norms = yield keyNorms; // [I, N]
          const unit = normalizeRows(similarityFeatures(seen, "last-third")); // [I, N, D]
          const cosines = yield tf.matMul(unit, unit, false, true); // [I, N, N]
          const total = grid.rows * grid.columns;
          const cells = Array.from({ length: attention.length / total }, (_, image) => {
            const own = (values: ArrayLike<number>) => Array.from(values).slice(image * total, (image + 1) * total);
            const likeness = Array.from({ length: total }, (_, patch) => {
              const row = (image * total + patch) * total;
              return Array.from(cosines.slice(row, row + total));
            });
            const shown = { attention: own(attention), keyNorms: own(norms), likeness, grid: { ...grid } };
            return kept(prune({ ...shown, keep: share(keep) }), total);
          });
          return { cells };
        },
        cuts: new Map(),
      };
    },
  };
  return definition;
}

/** What a program returned, as the list that it must be, in raster order. */
function kept(returned: unknown, total: number): number[] {
  const wanted = "Return the raster indices of the kept patches.";
  if (!Array.isArray(returned)) throw new NuwaError(`the function returned no list. ${wanted}`);
  const wrong = returned.findIndex((cell) => !Number.isInteger(cell) || cell < 0 || cell >= total);
  if (wrong >= 0)
    throw new NuwaError(
      `the function returned ${wordsOf(returned[wrong])} at place ${wrong} of its list, ` +
        `which is none of the patches 0 to ${total - 1}. ${wanted}`,
    );
  const twice = returned.findIndex((cell, place) => returned.indexOf(cell) < place);
  if (twice >= 0)
    throw new NuwaError(
      `the function returned patch ${returned[twice]} twice, at places ${returned.indexOf(returned[twice])} and ` +
        `${twice} of its list. ${wanted}`,
    );
  // An empty list is seen by the checks of all methods and by the laws.
  return (returned as number[]).toSorted((a, b) => a - b);
}

function wordsOf(value: unknown): string {
  // JSON has no NaN and no infinities: they come as null.
  return value === null ? "null (or NaN)" : JSON.stringify(value).slice(0, 40);
}
