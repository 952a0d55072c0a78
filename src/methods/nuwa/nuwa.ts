import * as tf from "@tensorflow/tfjs";
import { UsageError } from "../../core/errors.ts";
import { patchCount } from "../../core/grid.ts";
import { quantile } from "../../core/ranking.ts";
import { type Readback, readback } from "../../core/readback.ts";
import { noTap, type Tap } from "../../core/taps.ts";
import type { VisionOutput } from "../../model/llava/tower.ts";
import type { Budget } from "../budget.ts";
import { solveBudget } from "../budget.ts";
import type { Cut, CutView, Method, PatchSelection, PatchView } from "../method.ts";
import { DEFAULT_AVERAGE, type MethodDefinition, type MethodRequest } from "../method.ts";
import { perImage, requirePatches } from "../patches.ts";
import {
  type Anchors,
  aggregationWeights,
  distanceThreshold,
  type Normalisation,
  similarityFeatures,
} from "./aggregation.ts";
import { alignAnchors, pillarsAmong } from "./alignment.ts";
import type { PositionPolicy } from "./positions.ts";
import {
  pillarDegrees,
  relaxationProducts,
  relaxedAnchors,
  SELECTIONS,
  type SelectionKind,
  straightThrough,
} from "./relaxed.ts";
import { cosineProducts, cosineToText, keepBest, keepRandom, lastTokenAttention } from "./textguided.ts";

/** Scores that stage 2 can go by. */
export const STAGE2_SCORES = ["attention", "cosine", "random"] as const;

/**
 * The continuous constants of stage 1. Each may be a scalar tensor where its gradient is wanted; see
 * docs/gradients.md.
 */
export interface Stage1Constants {
  /**
   * τ² as a fraction of the largest squared distance in the grid. The paper's "26 %" is 280/1058 on
   * 24×24 (Table 7 sweeps squared thresholds); as a fraction it fits every grid.
   */
  readonly distanceFraction?: number | tf.Scalar;
  /** s > 0: likeness counts as ReLU(cos)^s; 1 in the paper and in the code. */
  readonly similaritySharpness?: number | tf.Scalar;
  /** m in the salience α·‖k‖^m: 0 is the released code's, 1 the paper's; what `salience` says unless given. */
  readonly keyNormExponent?: number | tf.Scalar;
  /** Quantile of the pillar scores that a pillar must reach, 0..1: 0.75 in the paper, 0.55 in the code. */
  readonly pillarQuantile?: number | tf.Scalar;
}

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
  /** See {@link Stage1Constants}. */
  readonly pillarQuantile: number | tf.Scalar;
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
export interface NuwaOptions extends NuwaSwitches, Stage1Constants {
  readonly pillarQuantile: number | tf.Scalar;
  readonly budget: Budget;
  /** ℓ: the second cut is made before this decoder layer; half of the layers in the paper. */
  readonly cutLayer: number;
  /** Side of a region in patches (2). */
  readonly regionSize?: number;
  /**
   * `hard` unless the selection shall have a gradient. `relaxed` mixes each token from all patches by the
   * weights of {@link relaxedAnchors} and {@link pillarDegrees}; `straight-through` computes what `hard`
   * does, to the bit, with the gradient of `relaxed`. Stage 2 is hard in all three.
   */
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
 * section 3; released code: github.com/Man-PaperRejected/Nuwa.
 *
 * @throws UsageError when stage 2 or the selection is unknown, stage 2 has no layer before it to take
 * attention from, or a constant is out of range
 */
export function nuwa(options: NuwaOptions): Method {
  const { cutLayer, positions = "original" } = options;
  if (!STAGE2_SCORES.includes(options.stage2))
    throw new UsageError(`stage 2 "${options.stage2}" does not exist. There are: ${STAGE2_SCORES.join(", ")}.`);
  if (cutLayer < 1 && options.stage2 === "attention")
    throw new UsageError(
      "stage 2 by attention needs a decoder layer before the cut; this model has too few layers. Use cosine.",
    );
  requireConstants(options);
  return {
    name: "nuwa",
    positions,
    idsAfterCut: "kept",
    selectPatches: (seen, tap) => stage1(seen, options, tap),
    cuts: new Map([[cutLayer, stage2(options)]]),
  };
}

/** Refuses constants given as numbers that have no meaning; scalars belong to whoever learns them. */
function requireConstants(options: NuwaOptions): void {
  const { selection = "hard", temperature = 0.1, distanceFraction = 1, similaritySharpness = 1 } = options;
  if (!SELECTIONS.includes(selection))
    throw new UsageError(`selection "${selection}" does not exist. There are: ${SELECTIONS.join(", ")}.`);
  const refuse = (name: string, value: number, range: string) => {
    throw new UsageError(`${name} is ${value}, but must be ${range}.`);
  };
  for (const [name, value] of Object.entries({ temperature, distanceFraction, similaritySharpness }))
    if (typeof value === "number" && !(value > 0 && value < Number.POSITIVE_INFINITY)) refuse(name, value, "above 0");
  const { keyNormExponent = 0, pillarQuantile } = options;
  if (typeof keyNormExponent === "number" && !Number.isFinite(keyNormExponent))
    refuse("keyNormExponent", keyNormExponent, "a finite number");
  if (typeof pillarQuantile === "number" && !(pillarQuantile >= 0 && pillarQuantile <= 1))
    refuse("pillarQuantile", pillarQuantile, "from 0 to 1");
}

/** Separation, alignment, aggregation. */
function* stage1(seen: PatchView, options: NuwaOptions, tap: Tap): Readback<PatchSelection> {
  requirePatches(seen);
  const total = patchCount(seen.grid);
  const keep = options.budget.stage1;

  const regionSize = options.regionSize ?? 2;
  const salience = tap("stage1.salience", salienceOf(seen, options));
  const saliences = perImage(yield* readback(salience), total);
  const cells = saliences.map((scores) => alignAnchors(scores, seen.grid, { keep, regionSize }));
  // Where nothing is dropped there is nothing to gather: keeping everything is the unpruned model.
  if (keep === total) return { cells };

  const pillarScore = pillarScores(seen, salience, options);
  const scores = perImage(yield* readback(pillarScore), total);
  const q = options.pillarQuantile;
  const atQuantile = typeof q === "number" ? q : (yield* readback(q))[0];
  const pillars = scores.map((all, image) => {
    const kept = cells[image].map((p) => all[p]);
    return pillarsAmong(kept, quantile(kept, atQuantile));
  });
  const similar = similarityFeatures(seen.hiddenStates);
  const mix = (anchors: Anchors, seenBy: Tap) =>
    aggregationWeights(
      similar,
      anchors,
      seen.grid,
      distanceThreshold(seen.grid, options.distanceFraction),
      options.normalisation,
      seenBy,
      options.similaritySharpness,
    );
  const { selection = "hard", temperature = 0.1 } = options;
  const soft = () => {
    // Every patch as an anchor, [I, N, N]; of these the mixtures that the relaxed ranking takes.
    const everywhere = cells.map(() => Array.from({ length: total }, (_, p) => p));
    const degrees = pillarDegrees(pillarScore, scores, cells, q, temperature);
    const anchors = relaxedAnchors(salience, saliences, cells, seen.grid, { keep, regionSize, temperature });
    return tf.matMul<tf.Tensor3D>(
      anchors,
      mix({ indices: everywhere, pillars: degrees }, selection === "relaxed" ? tap : noTap),
    );
  };
  const hard = () => mix({ indices: cells, pillars }, tap);
  const weights = selection === "hard" ? hard() : selection === "relaxed" ? soft() : straightThrough(hard(), soft());
  // Cosines of anchors with all patches; where every patch is an anchor, k mixtures of the N × N weights besides.
  const cosines = (anchors: number) => anchors * similar.shape[2] * total;
  const ofSoft = cosines(total) + relaxationProducts(seen.grid, { keep, regionSize }) + keep * total ** 2;
  const products = (selection === "relaxed" ? 0 : cosines(keep)) + (selection === "hard" ? 0 : ofSoft);
  return { cells, pillars, weights: tap("stage1.weights", weights), products: cells.map(() => products) };
}

/** m or S of the paper, α·‖k‖^m: [I, N]. */
function salienceOf({ clsAttention, keyNorms }: VisionOutput, options: NuwaOptions): tf.Tensor2D {
  const exponent = options.keyNormExponent ?? (options.salience === "cls-attention" ? 0 : 1);
  if (exponent === 0) return clsAttention;
  return clsAttention.mul(exponent === 1 ? keyNorms : keyNorms.pow(exponent));
}

function pillarScores(
  { features, keyNorms }: VisionOutput,
  salience: tf.Tensor2D,
  { pillarScore }: NuwaSwitches,
): tf.Tensor2D {
  if (pillarScore === "salience") return salience;
  return pillarScore === "key-norm" ? keyNorms : features.square().sum<tf.Tensor2D>(-1).sqrt();
}

/** Text-guided pruning inside the decoder. */
function stage2(options: NuwaOptions): Cut {
  const { budget, seed = 44 } = options;
  return function* (view) {
    if (options.stage2 === "random") return { keep: keepRandom(view.sequence, budget.stage2, seed) };
    const scores = view.tap("stage2.scores", stage2Scores(view, options)); // [B, S]
    const products = options.stage2 === "cosine" ? cosineProducts(view.sequence, view.tokens.shape[2]) : undefined;
    return { keep: keepBest(yield* readback(scores), view.sequence, budget.stage2), products };
  };
}

function stage2Scores({ tokens, entered, attention, sequence }: CutView, options: NuwaSwitches): tf.Tensor2D {
  if (options.stage2 === "attention") return lastTokenAttention(attention as tf.Tensor4D, sequence);
  // This is the only cut, so that what entered the decoder is still all there.
  return cosineToText(options.cosineSpace === "hidden" ? tokens : entered.tokens, sequence);
}

/** What Nüwa can be asked for with besides what every method can. */
export interface NuwaRequest extends MethodRequest {
  /** The reading of the method ("official"). */
  readonly variant?: Variant;
  /** Overrides the variant's own score of stage 2. */
  readonly stage2?: NuwaSwitches["stage2"];
  /** Override the variant's own constants of stage 1. */
  readonly constants?: Stage1Constants;
  /** See {@link NuwaOptions}. */
  readonly selection?: SelectionKind;
  readonly temperature?: number;
}

/** The readings, the default first. */
const VARIANT_NAMES: readonly Variant[] = ["official", "paper"];

/** {@link nuwa} for the registry. The second cut is made at half of the decoder's depth, as in the paper. */
export const definition: MethodDefinition<Pick<NuwaOptions, "budget" | "cutLayer">, NuwaRequest> = {
  name: "nuwa",
  summary: "spatially spread anchors that gather their neighbourhood, then text-guided pruning in the decoder",
  positions: "original",
  variants: VARIANT_NAMES,
  budget(average, { grid, layers }) {
    const cutLayer = Math.floor(layers / 2);
    return { budget: solveBudget(average, patchCount(grid), layers, cutLayer), cutLayer };
  },
  create({ average = DEFAULT_AVERAGE, variant = "official", constants, ...rest }, model) {
    if (!Object.hasOwn(VARIANTS, variant))
      throw new UsageError(`variant "${variant}" does not exist. There are: ${VARIANT_NAMES.join(", ")}.`);
    const { positions, seed, selection, temperature, stage2 = VARIANTS[variant].stage2 } = rest;
    const asked = { positions, seed, selection, temperature, stage2 };
    return nuwa({ ...VARIANTS[variant], ...constants, ...asked, ...definition.budget(average, model) });
  },
};
