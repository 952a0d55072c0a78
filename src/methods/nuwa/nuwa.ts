import type * as tf from "@tensorflow/tfjs";
import { UsageError } from "../../core/errors.ts";
import { patchCount } from "../../core/grid.ts";
import { type Readback, readback } from "../../core/readback.ts";
import type { Tap } from "../../core/taps.ts";
import type { Cut, Method, PatchSelection, PatchView } from "../method.ts";
import { keepEverything } from "../none.ts";
import { perImage, requirePatches } from "../patches.ts";
import {
  type Anchors,
  aggregationWeights,
  distanceGrid,
  distanceThreshold,
  similarityFeatures,
} from "./aggregation.ts";
import { alignAnchors } from "./alignment.ts";
import type { Budget } from "./budget.ts";
import { requireConstants, type Stage1Constants } from "./constants.ts";
import { pillarScores, pillarsOf } from "./pillars.ts";
import type { PositionPolicy } from "./positions.ts";
import { salienceOf } from "./salience.ts";
import { REGION_SIZE } from "./separation.ts";
import { SELECTIONS, type SelectionKind, softWeights } from "./soft-stage1.ts";
import { keepBest, keepRandom, stage2Scores } from "./textguided.ts";
import { type NuwaSwitches, STAGE2_SCORES } from "./variants.ts";

/** Nüwa's parameters; those with a default have the paper's value. */
export interface NuwaOptions extends NuwaSwitches, Stage1Constants {
  readonly pillarQuantile: number | tf.Scalar;
  readonly budget: Budget;
  /** ℓ: the second cut is made before this decoder layer; half of the layers in the paper. */
  readonly cutLayer: number;
  /** Side of a region in patches (2). */
  readonly regionSize?: number;
  /** How many patches of each region are candidates at least (1). */
  readonly leastPerRegion?: number;
  /** `hard` unless the selection shall have a gradient, see soft-stage1.ts. Stage 2 is hard in all three. */
  readonly selection?: SelectionKind;
  /** Of both relaxations, in standard deviations of an image's scores (0.1). Falling to 0 it gives `hard`. */
  readonly temperature?: number;
  /** `original` unless the position policy is itself what is studied. */
  readonly positions?: PositionPolicy;
  /** Seed of the random ablation; the paper uses 44. */
  readonly seed?: number;
}

/**
 * Nüwa: spatially spread anchors before the LLM, text-guided pruning inside it.
 *
 * Source: "Nüwa: Mending the Spatial Integrity Torn by VLM Token Pruning", ICLR 2026, arXiv 2602.02951,
 * section 3; released code: github.com/Man-PaperRejected/Nuwa. The steps stand in files of their own.
 *
 * @throws UsageError when stage 2 or the selection is unknown, stage 2 has no layer before it to take
 * attention from, or a constant is out of range
 */
export function nuwa(options: NuwaOptions): Method {
  const { stage2: score, cutLayer, positions = "original", selection = "hard", temperature = 0.1 } = options;
  if (!STAGE2_SCORES.includes(score))
    throw new UsageError(`stage 2 "${score}" does not exist. There are: ${STAGE2_SCORES.join(", ")}.`);
  if (cutLayer < 1 && score === "attention")
    throw new UsageError(
      "stage 2 by attention needs a decoder layer before the cut; this model has too few layers. Use cosine.",
    );
  if (!SELECTIONS.includes(selection))
    throw new UsageError(`selection "${selection}" does not exist. There are: ${SELECTIONS.join(", ")}.`);
  requireConstants(options, temperature);
  return {
    name: "nuwa",
    needs: ["class-attention", "key-norms"],
    positions,
    idsAfterCut: "kept",
    selectPatches: (seen, tap) => stage1(seen, options, tap),
    cuts: new Map([[cutLayer, stage2(options)]]),
  };
}

/** Before the LLM: salience, separation, alignment, pillars, aggregation. I images, N patches, k anchors. */
function* stage1(seen: PatchView, options: NuwaOptions, tap: Tap): Readback<PatchSelection> {
  const { grid, features } = seen;
  // With the class token among them there is no choosing among the patches, but everything can be kept.
  if (features.shape[1] > patchCount(grid) && options.budget.stage1 >= features.shape[1])
    return yield* keepEverything(seen, tap);
  requirePatches("nuwa", seen);
  const { regionSize = REGION_SIZE, leastPerRegion, selection = "hard", temperature = 0.1, pillarQuantile } = options;
  const [total, keep] = [patchCount(grid), seen.share(options.budget.stage1)];

  // Eq. 3
  const salience = tap("stage1.salience", salienceOf(seen, options)); // [I, N]
  const saliences = perImage(yield* readback(salience), total);

  // Separation into regions and alignment to the best of each: k raster indices per image.
  const cells = saliences.map((own) => alignAnchors(own, grid, { keep, regionSize, leastPerRegion }));
  // Where nothing is dropped there is nothing to gather: keeping everything is the unpruned model.
  if (keep === total) return { cells };

  // Eq. 4
  const pillarScore = pillarScores(seen, salience, options.pillarScore); // [I, N]
  const scores = perImage(yield* readback(pillarScore), total);
  const q = typeof pillarQuantile === "number" ? pillarQuantile : (yield* readback(pillarQuantile))[0];
  const pillars = scores.map((own, image) =>
    pillarsOf(
      cells[image].map((p) => own[p]),
      q,
    ),
  );

  // Eqs. 5-7
  const similar = similarityFeatures(seen, options.similarStates); // [I, N, D]
  const weigh = (anchors: Anchors, seenBy: Tap) => {
    const threshold = distanceThreshold(distanceGrid(options.distanceGrid, seen), options.distanceFraction);
    const { normalisation, similaritySharpness } = options;
    return aggregationWeights(similar, anchors, grid, threshold, normalisation, seenBy, similaritySharpness);
  };
  const anchors = { indices: cells, pillars };
  const read = {
    salience: { scores: salience, values: saliences },
    pillarScore: { scores: pillarScore, values: scores },
  };
  const weights =
    selection === "hard"
      ? weigh(anchors, tap) // [I, k, N]
      : softWeights(
          anchors,
          read,
          weigh,
          { grid, keep, regionSize, leastPerRegion, selection, temperature, pillarQuantile },
          tap,
        );
  return { cells, pillars, weights: tap("stage1.weights", weights) };
}

/** Inside the LLM, before layer ℓ: Eqs. 8-9, or what `stage2` says in their place. */
function stage2(options: NuwaOptions): Cut {
  const { budget, seed = 44 } = options;
  return function* (view) {
    if (options.stage2 === "random") return { keep: keepRandom(view.sequence, budget.stage2, seed) };
    const scores = view.tap("stage2.scores", stage2Scores(view, options)); // [B, S]
    return { keep: keepBest(yield* readback(scores), view.sequence, budget.stage2) };
  };
}
