import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { readJson, writeAtomically } from "../../io/files.ts";
import { VARIANTS, type Variant } from "../../methods/nuwa/nuwa.ts";

const valuesSchema = z.strictObject({
  distanceFraction: z.number().positive().max(1000),
  similaritySharpness: z.number().positive().max(1000),
  keyNormExponent: z.number().min(-100).max(100),
  pillarQuantile: z.number().min(0).max(1),
});
/** The knobs of stage 1 as numbers, see `Knobs`; `pillarQuantile` is in [0, 1], fraction and sharpness positive. */
export type KnobValues = z.infer<typeof valuesSchema>;

const fileSchema = z.strictObject({
  /** The reading of the method whose constants these replace. */
  variant: z.enum(Object.keys(VARIANTS) as Variant[]),
  /** Average visual tokens that they were tuned at, as it was asked for: "1/9". */
  average: z.string(),
  knobs: valuesSchema,
  /** Loss on held-out scenes, with the variant's own constants and with these. */
  heldOut: z.strictObject({ before: z.number(), after: z.number() }),
  steps: z.number().int(),
  seed: z.number().int(),
});

/** What `nuwa tune` writes and `--knobs` reads. */
export type KnobsFile = z.infer<typeof fileSchema>;

/** Reads a file of knobs. @throws NuwaError naming the file and the field */
export function readKnobs(path: string): KnobsFile {
  return readJson(path, fileSchema);
}

/** Writes a file of knobs, whole or not at all. */
export function writeKnobs(path: string, file: KnobsFile): void {
  writeAtomically(path, `${JSON.stringify(file, null, 2)}\n`);
}

/** The constants that a variant stands for: where tuning starts. */
export function variantKnobs(variant: Variant): KnobValues {
  const { salience, pillarQuantile } = VARIANTS[variant] as (typeof VARIANTS)[Variant];
  const keyNormExponent = salience === "cls-attention" ? 0 : 1;
  return { distanceFraction: 280 / 1058, similaritySharpness: 1, keyNormExponent, pillarQuantile };
}

/**
 * The knobs as numbers without bounds, which is what gradient descent wants: logarithms of what is positive,
 * the logit of the quantile, the exponent itself.
 */
export function freeOf(knobs: KnobValues): Map<string, tf.Tensor> {
  const { distanceFraction, similaritySharpness, keyNormExponent, pillarQuantile: q } = knobs;
  return new Map<string, tf.Tensor>([
    ["distanceFraction", tf.scalar(Math.log(distanceFraction))],
    ["similaritySharpness", tf.scalar(Math.log(similaritySharpness))],
    ["keyNormExponent", tf.scalar(keyNormExponent)],
    ["pillarQuantile", tf.scalar(Math.log(q / (1 - q)))],
  ]);
}

/** The knobs as scalars that gradients pass through. */
export type KnobScalars = { readonly [name in keyof KnobValues]: tf.Scalar };

/** The inverse of {@link freeOf}, on the tape. */
export function knobsOf(free: ReadonlyMap<string, tf.Tensor>): KnobScalars {
  const at = (name: keyof KnobValues) => free.get(name) as tf.Scalar;
  return {
    distanceFraction: at("distanceFraction").exp(),
    similaritySharpness: at("similaritySharpness").exp(),
    keyNormExponent: at("keyNormExponent"),
    pillarQuantile: at("pillarQuantile").sigmoid(),
  };
}

/** {@link knobsOf} as numbers. */
export async function valuesOf(free: ReadonlyMap<string, tf.Tensor>): Promise<KnobValues> {
  const scalars = tf.tidy(() => tf.stack(Object.values(knobsOf(free))));
  const values = await scalars.data();
  scalars.dispose();
  const names = Object.keys(valuesSchema.shape);
  return Object.fromEntries(names.map((name, i) => [name, values[i]])) as KnobValues;
}
