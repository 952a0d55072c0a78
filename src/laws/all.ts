import type fc from "fast-check";
import { patchCount } from "../core/grid.ts";
import { regionsOf } from "../methods/nuwa/separation.ts";
import { visualSlots } from "../model/transformer/sequence.ts";
import { draw, drawGrid } from "./draw.ts";
import { type SelectionCase, selectionCases } from "./generators/selections.ts";
import type { Law } from "./law.ts";
import { type MethodCase, methodCases, passModels, seen } from "./passes.ts";
import { type MethodFactory, selectorFor } from "./selecting.ts";
import * as selection from "./selection.ts";
import * as pass from "./whole-pass.ts";

/** The side of a region (g) that a method is judged by: the paper's, because a method cannot be asked for another. */
const REGION_SIZE = 2;

/** Whole models are run on this share of the cases. */
const SHARE = 0.12;

/** Small grids show what large ones do, and are read more easily. */
const any = withPaperRegions(selectionCases({ max: 12 }));
const distinct = withPaperRegions(selectionCases({ max: 12, kind: "distinct" }));

function withPaperRegions(cases: fc.Arbitrary<SelectionCase>): fc.Arbitrary<SelectionCase> {
  return cases.map(
    (input) => ({ ...input, regionSize: REGION_SIZE }),
    (input) => input as SelectionCase,
  );
}

type Options = { readonly cases?: fc.Arbitrary<SelectionCase>; readonly aboutScores?: true };

function bySelection(
  sentence: string,
  law: selection.SelectionLaw,
  { cases = any, aboutScores }: Options = {},
): Law<SelectionCase> {
  return {
    sentence,
    cases,
    aboutScores,
    share: 1,
    holds: (make) => law(selectorFor(make)),
    draw: drawSelection,
  };
}

/** Below the scores of the case: which cells are kept, doubled, and missing from regions that hold none. */
function drawSelection(make: MethodFactory, input: SelectionCase): string {
  const { grid, regionSize, keep, scores } = input;
  const kept = selectorFor(make)(scores, grid, { keep, regionSize });
  const picture = drawGrid(grid, { scores, anchors: kept, ...marked(kept, input), regionSize });
  const { grid: _, scores: __, ...fields } = input;
  return [
    `${grid.rows}×${grid.columns} patches, regions of ${regionSize}×${regionSize}; [kept] {doubled} !missing!`,
    picture,
    draw(fields),
  ].join("\n");
}

function marked(kept: readonly number[], { grid, regionSize }: Pick<SelectionCase, "grid" | "regionSize">) {
  return {
    doubled: kept.filter((p, i) => kept.indexOf(p) !== i),
    missing: regionsOf(grid, regionSize).flatMap((region) => (region.some((p) => kept.includes(p)) ? [] : region)),
  };
}

function byPass(sentence: string, law: pass.PassLaw): Law<MethodCase> {
  return {
    sentence,
    cases: methodCases,
    share: SHARE,
    holds: (make) => (input) =>
      withModel(input, (model) => law(model, make(model.config, { ...input.asked, seed: input.seed }), input)),
    draw: drawPass,
  };
}

function withModel<T>(input: MethodCase, use: (model: ReturnType<ReturnType<typeof passModels>["of"]>) => T): T {
  const models = passModels();
  try {
    return use(models.of(input));
  } finally {
    models.dispose();
  }
}

/** The cells of the first image that enter the decoder, where the method gets that far. */
function drawPass(make: MethodFactory, input: MethodCase): string {
  const { grid, ...fields } = input;
  try {
    const kept = withModel(input, (model) =>
      seen(model, input, make(model.config, { ...input.asked, seed: input.seed }), ({ state }) =>
        visualSlots(state.layers[0].sequence)[0].map(({ cell }) => cell),
      ),
    );
    const regionSize = Math.max(grid.rows, grid.columns);
    const doubled = kept.filter((p, i) => p >= 0 && kept.indexOf(p) !== i);
    const title = `${grid.rows}×${grid.columns} patches; # enters the decoder, 2 twice, · dropped`;
    return [title, drawGrid(grid, { anchors: kept, doubled, regionSize }), draw(fields)].join("\n");
  } catch {
    return `${patchCount(grid)} patches, ${draw(input)}`;
  }
}

const scored = { aboutScores: true } as const;
const scoredDistinct = { aboutScores: true, cases: distinct } as const;

/** All laws about any method: selection, symmetry, coverage, whole passes with positions, ledger and caches. */
export const LAWS: readonly Law<unknown>[] = [
  bySelection("What a method keeps are patches of the grid, at least one and none twice.", selection.keepsPatchesOnce),
  bySelection("Keeping all patches keeps all of them, in raster order.", selection.keepsAllWhenAsked),
  bySelection("The same scores give the same selection, and are left as they were.", selection.leavesScoresAlone),
  bySelection(
    "Within a region no dropped patch beats a kept one, by score or, among equals, by coming first.",
    selection.keepsTheBestOfARegion,
    scored,
  ),
  bySelection(
    "A dropped patch beats a kept one of another region only when its own region already holds n.",
    selection.dropsOnlyForRoom,
    scored,
  ),
  bySelection("Scaling all scores by a positive constant changes nothing.", selection.ignoresScale, scoredDistinct),
  bySelection(
    "Only the order of the scores counts, equal scores in raster order: ranks select the same.",
    selection.seesOnlyOrder,
    scored,
  ),
  bySelection("Raising the score of a kept patch never drops it.", selection.keepsWhatRises, scored),
  bySelection("Lowering the score of a dropped patch never keeps it.", selection.keepsDroppedWhatFalls, scored),
  bySelection(
    "Transposing the grid transposes the anchors, away from ties, for every region size.",
    selection.transposes,
    scoredDistinct,
  ),
  bySelection(
    "Mirroring the grid mirrors the anchors, away from ties, where the regions divide the width.",
    selection.mirrors,
    scoredDistinct,
  ),
  bySelection(
    "Turning the grid upside down turns the anchors, away from ties, where the regions divide the height.",
    selection.turnsUpsideDown,
    scoredDistinct,
  ),
  bySelection(
    "With n = 1 no region holds two anchors, and min(k, #regions) regions hold one.",
    selection.spreadsSingles,
  ),
  bySelection("No region ever holds more than n anchors.", selection.holdsAtMostN),
  bySelection(
    "With k = #regions every patch lies within (g−1)√2 of an anchor, and so within g√2.",
    selection.coversNearbyWhenAllRegionsAre,
  ),
  bySelection(
    "No scores cover fewer regions than the m largest that together can hold k anchors, and none more than min(k, #regions).",
    selection.coversTheRegionsPromised,
  ),
  bySelection(
    "No scores leave a patch farther from its nearest anchor than ρ(grid, g, n, k).",
    selection.staysWithinTheRadius,
  ),
  bySelection(
    "No scores leave more consecutive rows, or columns, without an anchor than the longest band outside of which k anchors fit.",
    selection.staysWithinTheGaps,
  ),
  bySelection(
    "No scores have a larger star discrepancy than the most that one box can hold too many or too few.",
    selection.staysWithinTheDiscrepancy,
  ),
  bySelection(
    "No scores have a larger mean distance than the bound from empty and covered regions.",
    selection.staysWithinTheMeanDistance,
  ),
  byPass(
    "Every layer sees at least one visual token of each image, at most one for each cell of the grid, and no other cells.",
    pass.seesEachCellOnce,
  ),
  byPass(
    "The text goes through every layer whole and in order, and the image stands where its placeholder stood.",
    pass.carriesTheText,
  ),
  byPass(
    "Text counts on from 0 up to the image, and behind it from where the unpruned image, or under compressed ids what is left of it, would end.",
    pass.countsOnThroughText,
  ),
  byPass(
    "A visual token has the id that the policy gives its cell among those numbered with it, and without a cell that of the token before it.",
    pass.givesIdsByPolicy,
  ),
  byPass(
    "The ledger records what passed: the tokens that enter each layer are those in its cache, and both averages are means of these counts.",
    pass.keepsTheLedger,
  ),
  byPass(
    "A dump has the cells that entered the decoder and those behind its last layer, as the ledger has them, and the tokens that entered.",
    pass.dumpsWhatPassed,
  ),
  byPass(
    "With every method, each sample of a batch of two keeps what it keeps alone, and says what it says alone.",
    pass.keepsSamplesApart,
  ),
  byPass(
    "The same inputs and seed give the same ledger and, to the bit, the same logits, and nothing but the result is left behind.",
    pass.repeatsItself,
  ),
  byPass(
    "With every method, decoding from caches is recomputing the longer prompt, its selections held fixed, save where it prunes earlier caches.",
    pass.decodesFromCaches,
  ),
  byPass(
    "Where no token is made inside the decoder, a prompt and what follows have the logits of the oracle, which only hides.",
    pass.agreesWithTheOracle,
  ),
] as unknown as readonly Law<unknown>[];
