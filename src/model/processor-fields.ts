import { type ZodType, z } from "zod";
import { checkSchema, only } from "../core/schema.ts";
import { unread } from "./fields.ts";
import { PROCESSOR_AROUND } from "./unread-fields.ts";

/** Means of a processor's file that gives none, per channel, of values in [0, 1]: CLIP's. */
export const DEFAULT_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
/** Standard deviations of the same. */
export const DEFAULT_STD = [0.26862954, 0.26130258, 0.27577711] as const;

/** Mean and standard deviation of SigLIP's processor, where its file gives none. */
export const HALF = [0.5, 0.5, 0.5] as const;

/** What must be true where it is given. */
export const always = z.literal(true, only("true")).nullish();
/** What channels are divided by: by a tiny number they would become values that float32 cannot hold. */
const DEVIATIONS = only("a number from 0.001 to 1");
const deviation = z.number(DEVIATIONS).min(1e-3, DEVIATIONS).max(1, DEVIATIONS);
const share = z.number().nonnegative().max(1);

/** Fields that transformers' image processors share. */
export const processorFields = {
  do_resize: always,
  do_rescale: always,
  do_normalize: always,
  resample: z.literal(3, only("3 (bicubic)")).nullish(),
  rescale_factor: z
    .number()
    .refine((factor) => Math.abs(factor * 255 - 1) < 1e-6, only("1/255"))
    .nullish(),
  image_mean: z.tuple([share, share, share]).nullish(),
  image_std: z.tuple([deviation, deviation, deviation]).nullish(),
};

/**
 * The schema of a processor's file: `preprocessor_config.json`, or `processor_config.json` of transformers 5, which
 * holds the same one level down.
 *
 * @param json its content, unchecked
 * @param processor what an image processor's fields may be
 */
export function processorFile(json: Readonly<Record<string, unknown>>, processor: z.ZodObject): z.ZodObject {
  return "image_processor" in json ? unread(z.object({ image_processor: processor }), PROCESSOR_AROUND) : processor;
}

/**
 * Checks the file of a processor, see {@link processorFile}.
 *
 * @param where the path of the file, for errors
 * @throws NuwaError naming the file and the field
 */
export function checkProcessor<T>(where: string, json: Record<string, unknown>, schema: ZodType<T>): T {
  if (!("image_processor" in json)) return checkSchema(where, json, schema);
  return checkSchema(where, json, z.object({ image_processor: schema })).image_processor;
}

/** How channels are normalised, in words. */
export function normalisation(mean: readonly number[], std: readonly number[]): string {
  const text = (values: readonly number[]) => values.map((value) => Number(value.toFixed(4))).join(" ");
  return `mean ${text(mean)}, standard deviation ${text(std)}`;
}
