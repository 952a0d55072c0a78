import { z } from "zod";
import { only, shown } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import type { RopeScaling } from "./config.ts";
import { size, theta, wholeHeads } from "./config-fields.ts";
import { yarnAttentionFactor } from "./rope-scaling.ts";

/*
 * Rotary positions in a decoder's configuration, as transformers reads them.
 */

/** Types that stretch positions. */
const SCALED = ["linear", "dynamic", "llama3", "yarn"] as const;

const factor = z
  .number()
  .min(1)
  .max(2 ** 16);
const amount = z
  .number()
  .nonnegative()
  .max(2 ** 16)
  .nullish();
const single = z.null(only("one set of rotary positions for all layers")).optional();

/**
 * The object that holds rotary positions; `rope_scaling` of older and `rope_parameters` of newer files are the same.
 *
 * @param plain types that do not stretch positions
 */
export function ropeSchema(plain: readonly string[]) {
  const types = [...plain, ...SCALED];
  const type = z.enum(types, only(types.map((name) => `"${name}"`).join(", "))).optional();
  const schema = z
    .object({
      rope_theta: theta.optional(),
      rope_type: type,
      type,
      factor: z.number().nullish(),
      original_max_position_embeddings: size.nullish(),
      low_freq_factor: amount,
      high_freq_factor: amount,
      attention_factor: amount,
      beta_fast: amount,
      beta_slow: amount,
      mscale: amount,
      mscale_all_dim: amount,
      truncate: z.boolean().optional(),
      partial_rotary_factor: wholeHeads,
      mrope_section: z.tuple([size, size, size]).nullish(),
      full_attention: single,
      sliding_attention: single,
    })
    .superRefine((rope, context) => {
      const [field, message] = problemOf(rope) ?? [];
      if (field) context.addIssue({ code: "custom", path: [field], message });
    });
  return unread(schema, [], (rope) => idleIn(rope, plain.includes("mrope")));
}

/** The fields of rotary positions. */
export type Rope = z.infer<ReturnType<typeof ropeSchema>>;

/** transformers lets the newer name go first. */
function typeOf({ rope_type, type }: { readonly rope_type?: unknown; readonly type?: unknown }): unknown {
  return rope_type ?? type ?? "default";
}

/** What transformers does not read of a type, or does not use because another field says it. */
function idleIn(rope: Readonly<Record<string, unknown>>, isMultimodal: boolean): string[] {
  const type = typeOf(rope);
  const isYarn = type === "yarn";
  const scales = isYarn && !rope.attention_factor && rope.mscale && rope.mscale_all_dim;
  return [
    ...(isMultimodal ? [] : ["mrope_section"]),
    ...(isYarn || type === "llama3" ? [] : ["original_max_position_embeddings"]),
    ...(type === "llama3" ? [] : ["low_freq_factor", "high_freq_factor"]),
    ...(isYarn ? [] : ["attention_factor", "beta_fast", "beta_slow", "truncate"]),
    ...(scales ? [] : ["mscale", "mscale_all_dim"]),
  ];
}

/**
 * Fields beside those of rotary positions that they leave without effect: the newer object where there is the older
 * one, the base where the object has one, and the trained context where its type does not ask for it.
 */
export function idleBeside(fields: Readonly<Record<string, unknown>>): string[] {
  const [rope, other] = [ropeIn(fields as Partial<RopeFields>), fields.rope_scaling];
  const type = typeOf(rope);
  return [
    ...(rope === other ? ["rope_parameters"] : []),
    ...(rope.rope_theta === undefined ? [] : ["rope_theta"]),
    ...(type === "yarn" || type === "llama3" ? [] : ["original_max_position_embeddings"]),
  ];
}

/** The first field that does not fit the type, and why. */
function problemOf(rope: Rope): [field: keyof Rope, problem: string] | undefined {
  const type = typeOf(rope);
  if (!SCALED.some((one) => one === type)) {
    const stretched = typeof rope.factor === "number" && rope.factor !== 1;
    return stretched
      ? ["factor", `${rope.factor} is not supported with the type "${type}", only 1: positions are not stretched`]
      : undefined;
  }
  // YaRN's may be null: then it follows from the numbers of positions.
  const ofPositions = type === "yarn" && rope.factor === null;
  if (!ofPositions && !factor.safeParse(rope.factor).success)
    return ["factor", `must be a number from 1 to 65536 for the type "${type}", not ${shown(rope.factor)}`];
  const { low_freq_factor: low, high_freq_factor: high } = rope;
  if (type === "llama3") {
    if (!low) return ["low_freq_factor", `must be a number above 0 for the type "llama3", not ${shown(low)}`];
    if (!high || high <= low)
      return ["high_freq_factor", `must be above low_freq_factor, ${low}, for the type "llama3", not ${shown(high)}`];
  }
  const [fast, slow] = betasOf(rope);
  if (type === "yarn" && fast < slow) return ["beta_fast", `${fast} is less than beta_slow, ${slow}`];
  if (type === "yarn" && rope.attention_factor === 0) return ["attention_factor", "must be above 0"];
  return undefined;
}

/** transformers takes its defaults where the file says 0, too. */
function betasOf({ beta_fast: fast, beta_slow: slow }: Rope): [fast: number, slow: number] {
  return [fast || 32, slow || 1];
}

/** Fields of a language model that rotary positions are read from. */
export interface RopeFields {
  readonly rope_theta?: number;
  readonly rope_scaling?: Rope | null;
  readonly rope_parameters?: Rope | null;
  readonly max_position_embeddings: number;
  readonly original_max_position_embeddings?: number | null;
}

/**
 * Rotary positions as transformers finds them: `rope_scaling` replaces `rope_parameters`, and what it lacks stands
 * beside it.
 *
 * @see huggingface/transformers, src/transformers/modeling_rope_utils.py, `convert_rope_params_to_dict`
 */
export function ropeOf(
  text: RopeFields,
  defaultTheta: number,
): Pick<Rope, "mrope_section"> & { rope_theta: number; scaling: RopeScaling | undefined } {
  const rope = ropeIn(text);
  return {
    mrope_section: rope.mrope_section,
    rope_theta: rope.rope_theta ?? text.rope_theta ?? defaultTheta,
    scaling: scalingOf(rope, text),
  };
}

function ropeIn({ rope_scaling: old, rope_parameters: now }: Partial<RopeFields>): Rope {
  return old && Object.keys(old).length > 0 ? old : (now ?? {});
}

function scalingOf(rope: Rope, text: RopeFields): RopeScaling | undefined {
  const most = text.max_position_embeddings;
  // Of the two that may say it, the one outside goes first.
  const trained = text.original_max_position_embeddings ?? rope.original_max_position_embeddings ?? most;
  const stretch = rope.factor ?? most / trained;
  const type = typeOf(rope);
  if (type === "linear" || type === "dynamic") return { type, factor: stretch, originalPositions: most };
  if (type === "llama3")
    return {
      type,
      factor: stretch,
      originalPositions: trained,
      lowFrequencyFactor: rope.low_freq_factor as number,
      highFrequencyFactor: rope.high_freq_factor as number,
    };
  if (type !== "yarn") return undefined;
  const [betaFast, betaSlow] = betasOf(rope);
  return {
    type,
    factor: stretch,
    originalPositions: trained,
    attentionFactor: rope.attention_factor ?? yarnAttentionFactor(stretch, rope.mscale, rope.mscale_all_dim),
    betaFast,
    betaSlow,
    truncate: rope.truncate ?? true,
  };
}
