import { transform } from "sucrase";
import { NuwaError } from "../../../../src/core/errors.ts";
import type { Grid } from "../../../../src/core/grid.ts";
import { averageCount } from "../../../../src/methods/budget.ts";
import { DEFAULT_AVERAGE, type MethodDefinition } from "../../../../src/methods/method.ts";

/** What a reader's pruner is shown of one picture. */
export interface ShownPatches {
  /** Attention of the class token to each patch, raster order. */
  readonly attention: readonly number[];
  /** Norm of each patch's key. */
  readonly keyNorms: readonly number[];
  readonly grid: Grid;
  /** How many patches to keep. */
  readonly keep: number;
}

/** A reader's pruner: raster indices of the patches that it keeps. */
export type OwnPruner = (patches: ShownPatches) => readonly number[];

/**
 * A reader's program as a method of this project.
 *
 * @param program TypeScript or JavaScript whose default export is an {@link OwnPruner}
 * @throws NuwaError with what is wrong with the program
 */
export function methodOf(program: string): MethodDefinition<number> {
  const prune = exportedBy(program);
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
        *selectPatches({ grid, clsAttention, keyNorms, share }) {
          const attention = yield clsAttention; // [I, N]
          const norms = yield keyNorms; // [I, N]
          const total = grid.rows * grid.columns;
          const cells = Array.from({ length: attention.length / total }, (_, image) => {
            const own = (values: ArrayLike<number>) => Array.from(values).slice(image * total, (image + 1) * total);
            return kept(
              prune({ attention: own(attention), keyNorms: own(norms), grid: { ...grid }, keep: share(keep) }),
            );
          });
          return { cells };
        },
        cuts: new Map(),
      };
    },
  };
  return definition;
}

/** What a program returned, as the list that it must be. */
function kept(returned: unknown): number[] {
  if (!Array.isArray(returned) || !returned.every((cell) => typeof cell === "number"))
    throw new NuwaError("the function returned no list of numbers. Return the raster indices of the kept patches.");
  return [...returned].sort((a, b) => a - b);
}

function exportedBy(program: string): OwnPruner {
  const exported: { default?: unknown } = {};
  let code: string;
  try {
    ({ code } = transform(program, { transforms: ["typescript", "imports"] }));
    // The worker that runs this is thrown away after it, and has neither the page nor a network.
    new Function("exports", code)(exported);
  } catch (error) {
    throw new NuwaError(error instanceof Error ? error.message : String(error));
  }
  if (typeof exported.default !== "function")
    throw new NuwaError("the program exports no function. Begin it with: export default function");
  return exported.default as OwnPruner;
}
