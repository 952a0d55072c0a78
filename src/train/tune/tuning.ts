import * as tf from "@tensorflow/tfjs";
import type { Variant } from "../../methods/nuwa/variants.ts";
import { type TrainOptions, train } from "../engine/loop.ts";
import type { AnyRecipe, Stage, StageRecipe } from "../engine/stage.ts";
import {
  type ConstantScalars,
  type ConstantValues,
  constantsOf,
  freeOf,
  valuesOf,
  variantConstants,
} from "./tuned-constants.ts";

/** Everything that tuned constants depend on, apart from the backend. Plain JSON. */
export interface TuneRecipe extends AnyRecipe {
  readonly variant: Variant;
  /** Of the model, as in `model_type`. */
  readonly family: string;
  /** Average visual tokens per decoder layer, as it was asked for. */
  readonly average: string;
  /** Draws the scenes. */
  readonly seed: number;
  /** Of both relaxations, see `NuwaOptions`. */
  readonly temperature: number;
  /** What the model is: its fingerprint. */
  readonly model: string;
  readonly start: ConstantValues;
  readonly stage: StageRecipe & {
    /** Questions in a step. */
    readonly batch: number;
    /** Held-out scenes that validation looks at, one question each. */
    readonly validateOn: number;
  };
}

/**
 * The recipe of `nuwa tune`: what is tuned, and how. Change fields by spreading.
 *
 * @param choices `average` as `parseAverage` takes it; `steps` of gradient descent, eight questions each
 * @param model any text that says which model it is; a tuning is not resumed with another
 */
export function tuneRecipe(
  {
    variant,
    family,
    average,
    seed,
    steps,
  }: Pick<TuneRecipe, "variant" | "family" | "average" | "seed"> & Pick<StageRecipe, "steps">,
  model: string,
): TuneRecipe {
  return {
    name: "tune",
    variant,
    family,
    average,
    seed,
    model,
    temperature: 0.15,
    start: variantConstants(variant, family),
    optimizer: { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
    stage: {
      steps,
      warmup: Math.min(5, steps),
      peak: 0.05,
      floor: 0.05,
      batch: 8,
      validateEvery: Math.max(10, Math.ceil(steps / 10)),
      validateOn: 64,
    },
  };
}

/** What constants are tuned for. `B` is the data of a step. */
export interface TuneProblem<B> {
  /** The data of a step; follows from the step's number alone. */
  prepare(step: number): Promise<B>;
  /** The number to lower, with a gradient in the constants; may make tensors, which the caller frees. */
  loss(constants: ConstantScalars, prepared: B): tf.Scalar;
  /** The loss on data that no step sees, with selections as they are used later: hard. */
  heldOut(constants: ConstantValues): Promise<number>;
}

/** What {@link TuneProblem.heldOut} gives is called in the figures of a tuning. */
const HELD_OUT = "held-out loss";

/** What {@link tune} found. */
export interface TuneResult {
  readonly finished: boolean;
  readonly constants: ConstantValues;
  /** The held-out loss under them; undefined where the tuning is not finished. */
  readonly heldOut: number | undefined;
  readonly progress: Awaited<ReturnType<typeof train>>["progress"];
}

/**
 * Learns the continuous constants of stage 1 by gradient descent (AdamW without decay: scalars have none).
 * Stopped or killed and resumed, it ends with the same numbers; see `train`.
 *
 * @throws NuwaError when the folder to resume from is damaged or was made with another recipe
 */
export async function tune<B>(recipe: TuneRecipe, problem: TuneProblem<B>, options: TrainOptions): Promise<TuneResult> {
  const stage: Stage<B> = {
    name: "tune",
    recipe: recipe.stage,
    begin: async (free) => free,
    trains: () => true,
    prepare: (step) => problem.prepare(step),
    loss: (free, prepared) => problem.loss(constantsOf(free), prepared),
    async validate(free) {
      const constants = await valuesOf(free);
      return { [HELD_OUT]: await problem.heldOut(constants), ...constants };
    },
  };
  const { weights, ...rest } = await train(recipe, [stage as Stage], () => freeOf(recipe.start), options);
  try {
    // A stage is validated after its last step.
    const heldOut = rest.finished ? rest.progress.figures.at(-1)?.figures[HELD_OUT] : undefined;
    return { ...rest, constants: await valuesOf(weights), heldOut };
  } finally {
    tf.dispose([...weights.values()]);
  }
}
