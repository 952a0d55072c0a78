import { UsageError } from "../../core/errors.ts";
import type { Family } from "../../world/question.ts";
import type { AdamWOptions } from "../engine/optimizer.ts";
import type { AnyRecipe, StageRecipe } from "../engine/stage.ts";

/** What the recipes of both stages hold. */
export interface PictureStageRecipe extends StageRecipe {
  /** Pictures in a step. */
  readonly batch: number;
  /** Pictures of the tuning split that validation looks at. */
  readonly validateOn: number;
}

/** What the recipes of the stages that learn from questions hold. */
export interface QuestionStageRecipe extends PictureStageRecipe {
  /** Questions packed on each picture. */
  readonly questions: number;
  /** Shares of the families among the questions. */
  readonly shares: Readonly<Record<Family, number>>;
  /** Weight of a family's answers in the loss. */
  readonly weights: Readonly<Record<Family, number>>;
  /** Spread of the targets of coordinate tokens, in bins. */
  readonly coordinateSpread: number;
}

/** Everything that a training's result depends on, apart from the backend. Plain JSON. */
export interface Recipe extends AnyRecipe {
  /** Of the initial weights. Pictures and questions follow from their own seeds, 0 upwards. */
  readonly seed: number;
  /** `vision_config` and `text_config` of config.json; the vocabulary's size is filled in. */
  readonly model: {
    /** As in `model_type` of config.json; LLaVA unless given. */
    readonly family?: "qwen2_5_vl";
    readonly vision: Readonly<Record<string, unknown>>;
    readonly text: Readonly<Record<string, unknown>>;
  };
  /** The vision tower on dense targets, see pretrain.ts. */
  readonly vision: PictureStageRecipe & {
    /** Share of the pictures whose shapes are painted in colours without a name, see `repainted`. */
    readonly unnamed: number;
  };
  /** Projector and language model on questions, with the tower frozen, see answering.ts. */
  readonly language: QuestionStageRecipe & {
    /** Decoder layers whose first head is taught where to look, see `pointingLoss`. */
    readonly pointingLayers: readonly number[];
    /** Weight of that at the start. */
    readonly pointingWeight: number;
    /** Share of the steps, 0..1, over which that weight falls to zero: the rest teaches by answers alone. */
    readonly pointingUntil: number;
    /** Weight of {@link coordinatesLoss}. */
    readonly coordinatesWeight: number;
  };
  /** Questions again, without any of the losses that help, and more decoder layers if wished; see growth-stage.ts. */
  readonly growth?: QuestionStageRecipe & {
    /** Decoder layers after it, not fewer than before. */
    readonly layers: number;
  };
}

const OPTIMIZER: AdamWOptions = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.05, clipNorm: 1 };

/** The model in weights/shapes: about two hours on two cores. */
const SHAPES: Recipe = {
  name: "shapes",
  seed: 1,
  model: {
    vision: {
      hidden_size: 128,
      intermediate_size: 512,
      num_hidden_layers: 5,
      num_attention_heads: 4,
      image_size: 96,
      patch_size: 8,
    },
    text: { hidden_size: 128, intermediate_size: 352, num_hidden_layers: 8, num_attention_heads: 4 },
  },
  optimizer: OPTIMIZER,
  vision: {
    steps: 3000,
    batch: 32,
    warmup: 40,
    peak: 1.5e-3,
    floor: 0.02,
    validateEvery: 100,
    validateOn: 128,
    unnamed: 0.5,
  },
  language: {
    steps: 5000,
    batch: 10,
    warmup: 60,
    peak: 1e-3,
    floor: 0.02,
    validateEvery: 250,
    validateOn: 32,
    questions: 16,
    shares: { existence: 3, colour: 2, shape: 2, count: 2, relation: 3, grounding: 4 },
    weights: { existence: 1, colour: 1, shape: 1, count: 1, relation: 1, grounding: 1.5 },
    coordinateSpread: 0.8,
    pointingLayers: [2, 5],
    pointingWeight: 0.2,
    pointingUntil: 0.6,
    coordinatesWeight: 0.3,
  },
};

const NO_PLACES: Recipe = {
  ...SHAPES,
  name: "no-places",
  language: { ...SHAPES.language, steps: 3500, coordinatesWeight: 0 },
};

/** The recipes that can be asked for by name. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  shapes: SHAPES,
  /** weights/no-places: does grounding depend on position ids if no loss writes coordinates into the tokens? */
  "no-places": NO_PLACES,
  /** no-places, grown so that the layers that read the picture are the first half. */
  deep: {
    ...NO_PLACES,
    name: "deep",
    growth: {
      layers: 16,
      steps: 800,
      batch: 8,
      warmup: 60,
      peak: 4e-4,
      floor: 0.02,
      validateEvery: 200,
      validateOn: 32,
      questions: SHAPES.language.questions,
      shares: SHAPES.language.shares,
      weights: SHAPES.language.weights,
      coordinateSpread: SHAPES.language.coordinateSpread,
    },
  },
  /** The topology of Qwen2.5-VL, boxes in pixels; no loss writes coordinates into the tokens. */
  "qwen-shapes": {
    name: "qwen-shapes",
    seed: 1,
    model: {
      family: "qwen2_5_vl",
      vision: {
        depth: 4,
        hidden_size: 96,
        intermediate_size: 256,
        num_heads: 3,
        patch_size: 6,
        spatial_merge_size: 2,
        temporal_patch_size: 2,
        window_size: 48,
        fullatt_block_indexes: [1, 3],
        out_hidden_size: 128,
      },
      text: {
        hidden_size: 128,
        intermediate_size: 352,
        num_hidden_layers: 8,
        num_attention_heads: 4,
        num_key_value_heads: 4,
        max_position_embeddings: 1024,
        // Rows and columns are few, and turn with the middle and the slow pairs: these have to tell eight apart.
        rope_theta: 20,
        rope_scaling: { type: "mrope", mrope_section: [4, 6, 6] },
        tie_word_embeddings: false,
      },
    },
    optimizer: OPTIMIZER,
    vision: {
      steps: 1300,
      batch: 16,
      warmup: 40,
      peak: 1.5e-3,
      floor: 0.02,
      validateEvery: 250,
      validateOn: 64,
      unnamed: 0.5,
    },
    language: { ...SHAPES.language, steps: 4000, batch: 8, questions: 10, coordinatesWeight: 0 },
    // Of as many layers: boxes and relations are still being learnt when the rate of the stage before has fallen.
    growth: {
      layers: 8,
      steps: 4000,
      batch: 8,
      warmup: 60,
      peak: 8e-4,
      floor: 0.02,
      validateEvery: 250,
      validateOn: 32,
      questions: SHAPES.language.questions,
      shares: SHAPES.language.shares,
      weights: SHAPES.language.weights,
      coordinateSpread: SHAPES.language.coordinateSpread,
    },
  },
  /** Two minutes: a very small model that learns to name colours and shapes, and nothing more. */
  tiny: {
    name: "tiny",
    seed: 1,
    model: {
      vision: {
        hidden_size: 48,
        intermediate_size: 96,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        image_size: 48,
        patch_size: 8,
      },
      text: { hidden_size: 48, intermediate_size: 96, num_hidden_layers: 3, num_attention_heads: 2 },
    },
    optimizer: OPTIMIZER,
    vision: {
      steps: 150,
      batch: 16,
      warmup: 15,
      peak: 4e-3,
      floor: 0.02,
      validateEvery: 150,
      validateOn: 64,
      unnamed: 0,
    },
    language: {
      steps: 250,
      batch: 6,
      warmup: 15,
      peak: 3e-3,
      floor: 0.02,
      validateEvery: 250,
      validateOn: 40,
      questions: 12,
      shares: { existence: 0, colour: 1, shape: 1, count: 0, relation: 0, grounding: 0 },
      weights: { existence: 1, colour: 1, shape: 1, count: 1, relation: 1, grounding: 1 },
      coordinateSpread: 0.8,
      pointingLayers: [],
      pointingWeight: 0,
      pointingUntil: 1,
      coordinatesWeight: 0,
    },
  },
};

/** A recipe by name. @throws UsageError when there is none */
export function recipeNamed(name: string): Recipe {
  if (!Object.hasOwn(RECIPES, name))
    throw new UsageError(`recipe "${name}" does not exist. There are: ${Object.keys(RECIPES).join(", ")}.`);
  return RECIPES[name];
}
