import { patchCount } from "../core/grid.ts";
import type { Method, MethodDefinition } from "./method.ts";
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
