import { z } from "zod";
import { only } from "../../core/schema.ts";
import { ACTIVATION_NAMES } from "./activations.ts";

/*
 * Fields of a decoder's configuration that families share, as transformers reads them.
 */

/** A number of channels, rows or tokens. */
export const size = z
  .number()
  .int()
  .positive()
  .max(2 ** 24);
export const positive = z.number().positive().finite();
/** What is added to a variance. */
export const epsilon = positive.max(1, { message: "must be a small number, at most 1" });
/** The base of rotary positions. */
export const theta = z.number().gt(1).max(1e12);
/** A function by the name that transformers gives it. */
export const activation = z.enum(ACTIVATION_NAMES, only(ACTIVATION_NAMES.join(", ")));

/** What may be written as missing, and is not supported. */
export function absent(what: string) {
  return z.literal([null, false], only(`a model without ${what}`)).optional();
}

/** In the language model's fields or in those of its rotary positions. */
export const wholeHeads = z.literal(1, only("1: all channels of a head are rotated")).nullish();

/** The kinds of the decoder's layers, which newer files list. */
export const layerTypes = z.array(z.literal("full_attention", only('"full_attention"'))).nullish();

/** Fields of any language model that transformers reads for all of them, and of which one value is supported. */
export const everyDecoder = {
  is_causal: z.literal([true, null], only("true: no token sees those behind it")).optional(),
  per_layer_config: absent("settings for single layers"),
  quantization_config: absent("quantisation"),
};
