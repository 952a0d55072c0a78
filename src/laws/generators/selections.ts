import fc from "fast-check";
import { patchCount } from "../../core/grid.ts";
import { patchesPerRegion } from "../../methods/nuwa/alignment.ts";
import { regionsOf } from "../../methods/nuwa/separation.ts";
import type { SelectionCase } from "./case.ts";
import { grids, keeps, MAX_SIDE, regionSizes } from "./grids.ts";
import { type ScoreKind, scores, scoresOf } from "./scores.ts";
import { shrinkingByHand } from "./smaller.ts";

export type { SelectionCase };

/** A grid, a region size, a budget and scores of any kind, or of the one that is given. */
export function selectionCases({
  max = MAX_SIDE,
  kind,
}: {
  max?: number;
  kind?: ScoreKind;
} = {}): fc.Arbitrary<SelectionCase> {
  const cases = grids(max)
    .chain((grid) => regionSizes(grid).map((regionSize) => ({ grid, regionSize })))
    .chain(({ grid, regionSize }) => {
      const total = patchCount(grid);
      const values = kind ? scoresOf(kind, total).map((list) => ({ kind, scores: list })) : scores(total);
      return fc
        .tuple(keeps(grid, regionSize), values, fc.nat(9999))
        .map(([keep, drawn, pick]) => ({ grid, regionSize, keep, ...drawn, pick }));
    });
  return shrinkingByHand(cases);
}

/** A set that stage 1 can keep: k patches, at most n in each region, drawn by an order of the patches. */
export function feasibleSets(max = MAX_SIDE): fc.Arbitrary<SelectionCase & { anchors: number[] }> {
  return selectionCases({ max, kind: "distinct" }).map((input) => {
    const { grid, regionSize, keep, scores: order } = input;
    const regions = regionsOf(grid, regionSize);
    const perRegion = patchesPerRegion(regions, keep);
    const byOrder = (a: number, b: number) => order[a] - order[b];
    const candidates = regions.flatMap((region) => [...region].sort(byOrder).slice(0, perRegion));
    // A second order, so that the k are not the first of the candidates by the order that made them.
    const mixed = (p: number) => (order[p] * 7919 + input.pick) % 10007;
    const anchors = candidates.sort((a, b) => mixed(a) - mixed(b) || a - b).slice(0, keep);
    return { ...input, anchors: anchors.sort((a, b) => a - b) };
  });
}
