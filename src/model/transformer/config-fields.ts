import { z } from "zod";
import { only } from "../../core/schema.ts";
import { unread } from "../fields.ts";

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
/** transformers knows this function by two names. */
export const silu = z.enum(["silu", "swish"], only('"silu"')).default("silu");

/** What may be written as missing, and is not supported. */
export function absent(what: string) {
  return z.literal([null, false], only(`a model without ${what}`)).optional();
}

/** Rotary positions; `rope_scaling` of older and `rope_parameters` of newer files hold the same. */
export function ropeSchema<T extends string>(types: readonly [T, ...T[]]) {
  const type = z.enum([...types], only(types.map((name) => `"${name}"`).join(" and "))).optional();
  const single = z.null(only("one set of rotary positions for all layers")).optional();
  return unread(
    z.object({
      rope_theta: positive.optional(),
      rope_type: type,
      type,
      factor: z.literal(1, only("1: positions are not stretched")).nullish(),
      partial_rotary_factor: wholeHeads,
      mrope_section: z.tuple([size, size, size]).nullish(),
      full_attention: single,
      sliding_attention: single,
    }),
    ["original_max_position_embeddings"],
  );
}

/** In the language model's fields or in those of its rotary positions. */
export const wholeHeads = z.literal(1, only("1: all channels of a head are rotated")).nullish();

/** The kinds of the decoder's layers, which newer files list. */
export const layerTypes = z.array(z.literal("full_attention", only('"full_attention"'))).nullish();

type Rope = z.infer<ReturnType<typeof ropeSchema>>;

/**
 * Rotary positions as transformers finds them: `rope_scaling` replaces `rope_parameters`, and what it lacks stands
 * beside it.
 *
 * @see huggingface/transformers, src/transformers/modeling_rope_utils.py, `convert_rope_params_to_dict`
 */
export function ropeOf(
  text: {
    readonly rope_theta?: number;
    readonly rope_scaling?: Rope | null;
    readonly rope_parameters?: Rope | null;
  },
  defaultTheta: number,
): Rope & { rope_theta: number } {
  const { rope_scaling: old } = text;
  const rope = old && Object.keys(old).length > 0 ? old : (text.rope_parameters ?? {});
  return { ...rope, rope_theta: rope.rope_theta ?? text.rope_theta ?? defaultTheta };
}
