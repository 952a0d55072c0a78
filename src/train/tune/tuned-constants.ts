import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { readJson, writeAtomically } from "../../io/files.ts";
import { DISTANCE_FRACTION } from "../../methods/nuwa/aggregation.ts";
import { switchesFor } from "../../methods/nuwa/readings.ts";
import { VARIANTS, type Variant } from "../../methods/nuwa/variants.ts";

const valuesSchema = z.strictObject({
  distanceFraction: z.number().positive().max(1000),
  similaritySharpness: z.number().positive().max(1000),
  keyNormExponent: z.number().min(-100).max(100),
  pillarQuantile: z.number().min(0).max(1),
});
/** The constants of stage 1 as numbers (`Stage1Constants`): quantile in [0, 1], fraction and sharpness positive. */
export type ConstantValues = z.infer<typeof valuesSchema>;

const fileSchema = z.strictObject({
  /** The family of models they were tuned on, as in `model_type`; the readings' own constants differ with it. */
  family: z.string(),
  /** The reading of the method whose constants these replace. */
  variant: z.enum(Object.keys(VARIANTS) as Variant[]),
  /** Average visual tokens that they were tuned at, as it was asked for: "1/9". */
  average: z.string(),
  constants: valuesSchema,
  /** Loss on held-out scenes, with the variant's own constants and with these. */
  heldOut: z.strictObject({ before: z.number(), after: z.number() }),
  steps: z.number().int(),
  seed: z.number().int(),
});

/** What `nuwa tune` writes and `--constants` reads. */
export type ConstantsFile = z.infer<typeof fileSchema>;

/** Reads a file of constants. @throws NuwaError naming the file and the field */
export function readConstants(path: string): ConstantsFile {
  return readJson(path, fileSchema);
}

/** Writes a file of constants, whole or not at all. */
export function writeConstants(path: string, file: ConstantsFile): void {
  writeAtomically(path, `${JSON.stringify(file, null, 2)}\n`);
}

/** The constants of a variant on a family of models: where tuning starts. */
export function variantConstants(variant: Variant, family: string): ConstantValues {
  const { salience, ...own } = switchesFor(variant, { family });
  const keyNormExponent = salience === "cls-attention" ? 0 : 1;
  // Readings are made of numbers; only what is learnt are scalars.
  const { pillarQuantile, distanceFraction = DISTANCE_FRACTION } = own as Partial<ConstantValues> &
    Pick<ConstantValues, "pillarQuantile">;
  return { distanceFraction, similaritySharpness: 1, keyNormExponent, pillarQuantile };
}

/**
 * The constants as numbers without bounds, as gradient descent needs them: logarithms of what is positive,
 * the logit of the quantile, the exponent itself.
 */
export function freeOf(constants: ConstantValues): Map<string, tf.Tensor> {
  const { distanceFraction, similaritySharpness, keyNormExponent, pillarQuantile: q } = constants;
  return new Map<string, tf.Tensor>([
    ["distanceFraction", tf.scalar(Math.log(distanceFraction))],
    ["similaritySharpness", tf.scalar(Math.log(similaritySharpness))],
    ["keyNormExponent", tf.scalar(keyNormExponent)],
    ["pillarQuantile", tf.scalar(Math.log(q / (1 - q)))],
  ]);
}

/** The constants as scalars that gradients pass through. */
export type ConstantScalars = { readonly [name in keyof ConstantValues]: tf.Scalar };

/** The inverse of {@link freeOf}, on the tape. */
export function constantsOf(free: ReadonlyMap<string, tf.Tensor>): ConstantScalars {
  const at = (name: keyof ConstantValues) => free.get(name) as tf.Scalar;
  return {
    distanceFraction: at("distanceFraction").exp(),
    similaritySharpness: at("similaritySharpness").exp(),
    keyNormExponent: at("keyNormExponent"),
    pillarQuantile: at("pillarQuantile").sigmoid(),
  };
}

/** {@link constantsOf} as numbers. */
export async function valuesOf(free: ReadonlyMap<string, tf.Tensor>): Promise<ConstantValues> {
  const scalars = tf.tidy(() => tf.stack(Object.values(constantsOf(free))));
  const values = await scalars.data();
  scalars.dispose();
  const names = Object.keys(valuesSchema.shape);
  return Object.fromEntries(names.map((name, i) => [name, values[i]])) as ConstantValues;
}
