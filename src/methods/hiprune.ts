import { type Grid, patchCount } from "../core/grid.ts";
import { best, checkScores } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import { wholeCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition, type PatchView } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { perImage, requirePatches } from "./patches.ts";

/** Parameters of {@link hiprune}. */
export interface HipruneOptions {
  /** How many patches go on. */
  readonly keep: number;
  /** α: the share of anchors with their buffers (0.1). */
  readonly anchorShare?: number;
  /** The block that looks at objects, from 0; published: the 9th of 24. */
  readonly objectBlock: number;
  /**
   * What lies beside a patch at the edge. `inside`: nothing. `wrapped` (the default): the released code adds ±1 and
   * ±columns to the raster index and clamps, so that a buffer may lie at the far end of the next row.
   */
  readonly neighbours?: "inside" | "wrapped";
  readonly positions?: PositionPolicy;
}

/**
 * HiPrune: anchors attract most attention in a middle block, where the tower looks at objects; buffers lie
 * beside them; registers, which fill the rest, attract most in the block of the features. Attention is that
 * received, mean over heads and over all queries, the class token's with them. In a tower with windows the blocks are
 * the nearest ones that attend over the whole image.
 *
 * Source: Liu et al., "HiPrune: Training-Free Visual Token Pruning via Hierarchical Attention in Vision-Language
 * Models", arXiv 2508.00553; released code: github.com/Danielement321/HiPrune.
 */
export function hiprune(options: HipruneOptions): Method {
  const { objectBlock, anchorShare = 0.1, neighbours = "wrapped", positions = "compressed" } = options;
  return {
    name: "hiprune",
    needs: ["tower-blocks"],
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen) {
      requirePatches("hiprune", seen);
      const [total, keep] = [patchCount(seen.grid), seen.share(options.keep)];
      const [middleBlock, deepBlock] = [objectBlock, seen.featureBlock].map((block) => wholeBlock(seen, block));
      const middle = perImage(yield* readback(seen.block(middleBlock).received()), total);
      const deep = perImage(yield* readback(seen.block(deepBlock).received()), total);
      return {
        cells: middle.map((own, image) => {
          checkScores("HiPrune's attention", own);
          checkScores("HiPrune's attention", deep[image]);
          const anchors = best([...own.keys()], own, halfToEven((keep * anchorShare) / 5));
          const around = anchors.flatMap((anchor) => beside(seen.grid, anchor, neighbours));
          // Anchors come first, so that a tiny budget loses buffers, not anchors.
          const objects = [...new Set([...anchors, ...around])].slice(0, keep);
          const others = [...own.keys()].filter((patch) => !objects.includes(patch));
          return [...objects, ...best(others, deep[image], keep - objects.length)].sort((a, b) => a - b);
        }),
      };
    },
    cuts: new Map(),
  };
}

/**
 * The block nearest to one that attends over the whole image: inside windows of different sizes, attention received
 * cannot be compared. Of two equally near the earlier.
 */
function wholeBlock({ fullAttentionBlocks }: PatchView, block: number): number {
  const distance = (other: number) => Math.abs(other - block);
  return fullAttentionBlocks.reduce((near, other) => (distance(other) < distance(near) ? other : near));
}

/** Rounded as Python does, and so the released code: 25 tokens have no anchor (0.5), 125 have two (2.5). */
function halfToEven(value: number): number {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** The four patches beside one. */
function beside({ rows, columns }: Grid, patch: number, neighbours: "inside" | "wrapped"): number[] {
  const total = rows * columns;
  if (neighbours === "wrapped")
    return [-1, 1, -columns, columns].map((step) => Math.max(0, Math.min(total - 1, patch + step)));
  const column = patch % columns;
  return [
    ...(column > 0 ? [patch - 1] : []),
    ...(column < columns - 1 ? [patch + 1] : []),
    ...[patch - columns, patch + columns].filter((other) => other >= 0 && other < total),
  ];
}

/** {@link hiprune} for the registry. */
export const definition: MethodDefinition<number> = {
  name: "hiprune",
  summary: "anchors of a middle block with their neighbours, and what the deep block attends to",
  positions: "compressed",
  taps: [],
  budget: (average, { total }) => wholeCount(average, total),
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    choosingFor(
      average,
      size,
      hiprune({
        keep: definition.budget(average, size),
        objectBlock: Math.max(0, Math.round((9 / 24) * size.visionBlocks) - 1),
        positions,
      }),
    ),
};
