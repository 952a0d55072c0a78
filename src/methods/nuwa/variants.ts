import type * as tf from "@tensorflow/tfjs";

/** Scores that stage 2 can go by, see {@link NuwaSwitches.stage2}. */
export const STAGE2_SCORES = ["attention", "cosine", "random"] as const;

/**
 * How the raw weights of an anchor become the weights of its mean (Eq. 7).
 * - `sum-to-one`: the paper says that each row is divided by its sum.
 * - `self-overwritten`: the released code divides by the sum + 1e-8 and then overwrites the entry of the
 *   anchor itself by 1, so that a collector's row sums to 2 − 1/s, s being its raw sum.
 */
export type Normalisation = "sum-to-one" | "self-overwritten";

/** Every point at which the paper and its released code differ, as a named switch. */
export interface NuwaSwitches {
  /**
   * What a patch is worth in separation and alignment. The paper says (Eq. 3): class attention times the
   * norm of the patch's key; the released code does: class attention alone.
   */
  readonly salience: "cls-attention" | "cls-attention-times-key-norm";
  /**
   * What makes a pillar. The paper says (Eq. 4): the norm of the key; the released code does: the salience,
   * and in its ablation the norm of the feature.
   */
  readonly pillarScore: "salience" | "key-norm" | "feature-norm";
  /**
   * Quantile of the anchors' pillar scores that a pillar must reach. The paper says: the top quartile, 0.75;
   * the released code does: 0.55.
   */
  readonly pillarQuantile: number | tf.Scalar;
  /**
   * The paper says (Eq. 7): rows sum to 1; the released code does: the weight of an anchor in itself is
   * overwritten by 1 afterwards. See {@link Normalisation}.
   */
  readonly normalisation: Normalisation;
  /**
   * What a visual token is worth in stage 2. The paper says (Eqs. 8-9): its cosine similarity to the text;
   * the released code does: the attention of the last prompt token in the layer before. `random` is the
   * paper's ablation.
   */
  readonly stage2: (typeof STAGE2_SCORES)[number];
  /**
   * Whose attention `attention` is: that of the last prompt token, mean over heads; or of the last three, mean over
   * these and then the largest over heads (Qwen2.5-VL's released script).
   */
  readonly stage2Rows: "last" | "last-three";
  /** How many layers behind half of the decoder's depth the cut is made. */
  readonly cutBehind: number;
  /** Which hidden states of the tower similarity is measured on, see similarityFeatures. */
  readonly similarStates: "last-third" | "full-attention";
  /** The grid that the distance threshold is a fraction of, see distanceGrid. */
  readonly distanceGrid: "own" | "first" | "even";
  /**
   * Where `cosine` compares. The paper does not say. `hidden`: the states entering the layer of the cut
   * (our reading); `embeddings`: the decoder's inputs. The released code does neither.
   */
  readonly cosineSpace: "hidden" | "embeddings";
}

/** What the two readings share on LLaVA-1.5. */
const EVERYWHERE = {
  cosineSpace: "hidden",
  stage2Rows: "last",
  cutBehind: 0,
  similarStates: "last-third",
  distanceGrid: "own",
} as const;

/** The two readings of the method: what the paper says, and what its released code does. */
export const VARIANTS = {
  paper: {
    salience: "cls-attention-times-key-norm",
    pillarScore: "key-norm",
    pillarQuantile: 0.75,
    normalisation: "sum-to-one",
    stage2: "cosine",
    ...EVERYWHERE,
  },
  official: {
    salience: "cls-attention",
    pillarScore: "salience",
    pillarQuantile: 0.55,
    normalisation: "self-overwritten",
    stage2: "attention",
    ...EVERYWHERE,
  },
} as const satisfies Record<string, NuwaSwitches>;

/** A key of {@link VARIANTS}. */
export type Variant = keyof typeof VARIANTS;
