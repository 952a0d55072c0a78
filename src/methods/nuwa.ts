import type * as tf from "@tensorflow/tfjs";
import { UsageError } from "../errors.ts";
import { type Reading, read } from "../model/reading.ts";
import type { VisionOutput } from "../model/vision.ts";
import { aggregationWeights, type Normalisation, similarityFeatures } from "../pruning/aggregation.ts";
import { alignAnchors, pillarsAmong } from "../pruning/alignment.ts";
import type { Budget } from "../pruning/budget.ts";
import { type Grid, largestSquaredDistance, patchCount } from "../pruning/grid.ts";
import type { PositionPolicy } from "../pruning/positions.ts";
import { quantile } from "../pruning/ranking.ts";
import { cosineToText, keepBest, keepRandom, lastTokenAttention } from "../pruning/textguided.ts";
import type { Tap } from "../tap.ts";
import type { Cut, CutView, Method, PatchSelection, PatchView } from "./method.ts";
import { perImage, requirePatches } from "./patches.ts";

/** Scores that stage 2 can go by. */
export const STAGE2_SCORES = ["attention", "cosine", "random"] as const;

/** Every point at which the paper and its released code differ, as a named switch. */
export interface NuwaSwitches {
  /**
   * What a patch is worth in separation and alignment. The paper (Eq. 3): class attention times the norm
   * of the patch's key. The released code: class attention alone.
   */
  readonly salience: "cls-attention" | "cls-attention-times-key-norm";
  /**
   * What makes a pillar. The paper (Eq. 4): the norm of the key. The released code: the salience; its
   * ablation: the norm of the feature.
   */
  readonly pillarScore: "salience" | "key-norm" | "feature-norm";
  /** Quantile of the pillar scores that a pillar must reach: 0.75 in the paper, 0.55 in the code. */
  readonly pillarQuantile: number;
  readonly normalisation: Normalisation;
  /**
   * What a visual token is worth in stage 2. The paper (Eqs. 8-9): likeness to the text. The released
   * code: attention of the last prompt token in the layer before. `random` is the paper's ablation.
   */
  readonly stage2: (typeof STAGE2_SCORES)[number];
  /**
   * Where `cosine` compares; the paper does not say. `hidden`: the states entering the layer of the cut
   * (our reading). `embeddings`: the decoder's inputs.
   */
  readonly cosineSpace: "hidden" | "embeddings";
}

/** The two readings of the method. */
export const VARIANTS = {
  paper: {
    salience: "cls-attention-times-key-norm",
    pillarScore: "key-norm",
    pillarQuantile: 0.75,
    normalisation: "sum-to-one",
    stage2: "cosine",
    cosineSpace: "hidden",
  },
  official: {
    salience: "cls-attention",
    pillarScore: "salience",
    pillarQuantile: 0.55,
    normalisation: "self-overwritten",
    stage2: "attention",
    cosineSpace: "hidden",
  },
} as const satisfies Record<string, NuwaSwitches>;

/** A key of {@link VARIANTS}. */
export type Variant = keyof typeof VARIANTS;

/** Nüwa's parameters; those with a default have the paper's value. */
export interface NuwaOptions extends NuwaSwitches {
  readonly budget: Budget;
  /** ℓ: the second cut is made before this decoder layer; half of the layers in the paper. */
  readonly cutLayer: number;
  /** Side of a region in patches (2). */
  readonly regionSize?: number;
  /**
   * τ² as a fraction of the largest squared distance in the grid. The paper's "26 %" is 280/1058 on
   * 24×24 (Table 7 sweeps squared thresholds); as a fraction it fits every grid.
   */
  readonly distanceFraction?: number;
  /** `original` unless the position policy is itself what is studied. */
  readonly positions?: PositionPolicy;
  /** Seed of the random ablation; the paper uses 44. */
  readonly seed?: number;
}

/**
 * Nüwa: spatially spread anchors before the LLM, text-guided pruning inside it.
 *
 * Source: "Nüwa: Mending the Spatial Integrity Torn by VLM Token Pruning", ICLR 2026, arXiv 2602.02951,
 * section 3; released code: github.com/Man-PaperRejected/Nuwa.
 *
 * @throws UsageError when stage 2 is unknown, or has no layer before it to take attention from
 */
export function nuwa(options: NuwaOptions): Method {
  const { cutLayer, positions = "original" } = options;
  if (!STAGE2_SCORES.includes(options.stage2))
    throw new UsageError(`stage 2 "${options.stage2}" does not exist. There are: ${STAGE2_SCORES.join(", ")}.`);
  if (cutLayer < 1 && options.stage2 === "attention")
    throw new UsageError(
      "stage 2 by attention needs a decoder layer before the cut; this model has too few layers. Use cosine.",
    );
  return {
    name: "nuwa",
    positions,
    idsAfterCut: "kept",
    selectPatches: (seen, tap) => stage1(seen, options, tap),
    cuts: new Map([[cutLayer, stage2(options)]]),
  };
}

/** Separation, alignment, aggregation. */
function* stage1(seen: PatchView, options: NuwaOptions, tap: Tap): Reading<PatchSelection> {
  requirePatches(seen);
  const total = patchCount(seen.grid);
  const keep = options.budget.stage1;

  const salience = tap("stage1.salience", salienceOf(seen, options));
  const values = yield* read(salience);
  const cells = perImage(values, total).map((scores) =>
    alignAnchors(scores, seen.grid, { keep, regionSize: options.regionSize ?? 2 }),
  );
  // Where nothing is dropped there is nothing to gather: keeping everything is the unpruned model.
  if (keep === total) return { cells };

  const scores = yield* read(pillarScores(seen, salience, options));
  const pillars = perImage(scores, total).map((all, image) => {
    const kept = cells[image].map((p) => all[p]);
    return pillarsAmong(kept, quantile(kept, options.pillarQuantile));
  });
  const weights = aggregationWeights(
    similarityFeatures(seen.hiddenStates),
    { indices: cells, pillars },
    seen.grid,
    distanceThreshold(seen.grid, options.distanceFraction),
    options.normalisation,
    tap,
  );
  return { cells, pillars, weights: tap("stage1.weights", weights) };
}

/** m or S of the paper, [I, N]. */
function salienceOf({ clsAttention, keyNorms }: VisionOutput, { salience }: NuwaSwitches): tf.Tensor2D {
  return salience === "cls-attention" ? clsAttention : clsAttention.mul(keyNorms);
}

function pillarScores(
  { features, keyNorms }: VisionOutput,
  salience: tf.Tensor2D,
  { pillarScore }: NuwaSwitches,
): tf.Tensor {
  if (pillarScore === "salience") return salience;
  return pillarScore === "key-norm" ? keyNorms : features.square().sum(-1).sqrt();
}

/** τ in grid units: τ² = fraction · ((H−1)² + (W−1)²); at least 1, so that a grid of one row works. */
export function distanceThreshold(grid: Grid, fraction = 280 / 1058): number {
  return Math.sqrt(Math.max(1, fraction * largestSquaredDistance(grid)));
}

/** Text-guided pruning inside the decoder. */
function stage2(options: NuwaOptions): Cut {
  const { budget, seed = 44 } = options;
  return function* (view) {
    if (options.stage2 === "random") return { keep: keepRandom(view.sequence, budget.stage2, seed) };
    const scores = view.tap("stage2.scores", stage2Scores(view, options)); // [B, S]
    return { keep: keepBest(yield* read(scores), view.sequence, budget.stage2) };
  };
}

function stage2Scores({ tokens, entered, attention, sequence }: CutView, options: NuwaSwitches): tf.Tensor2D {
  if (options.stage2 === "attention") return lastTokenAttention(attention as tf.Tensor4D, sequence);
  // This is the only cut, so that what entered the decoder is still all there.
  return cosineToText(options.cosineSpace === "hidden" ? tokens : entered.tokens, sequence);
}
