import type { PositionFunction, PositionPolicy } from "../pruning/positions.ts";
import type { Method } from "./method.ts";

/** The unpruned model: every visual token goes everywhere. */
export function none(positions: PositionPolicy | PositionFunction = "original"): Method {
  return {
    name: "none",
    positions,
    *selectPatches({ features }) {
      const [images, total] = features.shape;
      return { indices: Array.from({ length: images }, () => Array.from({ length: total }, (_, i) => i)) };
    },
    cuts: new Map(),
  };
}
