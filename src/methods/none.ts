import { patchCount } from "../core/grid.ts";
import { type AverageTokens, isEverything } from "./budget.ts";
import type { Method, MethodDefinition, PruningSize } from "./method.ts";
import type { PositionFunction, PositionPolicy } from "./nuwa/positions.ts";

/** The unpruned model: every visual token goes everywhere. */
export function none(positions: PositionPolicy | PositionFunction = "original"): Method {
  return { name: "none", positions, idsAfterCut: "kept", selectPatches: keepEverything, cuts: new Map() };
}

/** Stage 1 of methods that prune in the decoder only: all tokens, with the class token where the model has it. */
export const keepEverything: Method["selectPatches"] = function* ({ grid, features }) {
  const [images, total] = features.shape;
  const classTokens = total - patchCount(grid);
  return { cells: Array.from({ length: images }, () => Array.from({ length: total }, (_, row) => row - classTokens)) };
};

/**
 * A method that chooses among patches, as it is for an average: where that is all visual tokens there is nothing to
 * choose, and everything goes on as it is, the class token included where the model keeps it.
 *
 * @throws UsageError when the average does not fit the image
 */
export function choosingFor(
  average: AverageTokens | undefined,
  { total }: Pick<PruningSize, "total">,
  method: Method,
): Method {
  return isEverything(average, total) ? { ...method, selectPatches: keepEverything } : method;
}

/** The unpruned model, for the registry. */
export const definition: MethodDefinition<void> = {
  name: "none",
  summary: "the unpruned model: every visual token enters every layer",
  positions: "original",
  taps: [],
  keepsEverything: true,
  budget: () => undefined,
  create: ({ positions }) => none(positions),
};
