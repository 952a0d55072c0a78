import type { RopeScaling, TextConfig } from "./config.ts";

/** How far each pair of a head turns from one position to the next. */
export interface RotaryFrequencies {
  /** [d/2], radians. */
  readonly frequencies: readonly number[];
  /** What cos and sin are multiplied by. */
  readonly scale: number;
}

/** What frequencies depend on. */
export type RotarySource = Pick<TextConfig, "headDim" | "ropeTheta" | "ropeScaling">;

const { fround } = Math;

/**
 * The frequencies of a decoder, rounded to float32 at each step as PyTorch does.
 *
 * @param length the largest position id of the tokens that are rotated, plus 1; only `dynamic` asks for it
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_rope_utils.py
 */
export function rotaryFrequencies(
  { headDim, ropeTheta: theta, ropeScaling: scaling }: RotarySource,
  length: number,
): RotaryFrequencies {
  switch (scaling?.type) {
    case undefined:
      return { frequencies: plain(theta, headDim), scale: 1 };
    case "linear":
      return { frequencies: plain(theta, headDim).map((own) => fround(own / scaling.factor)), scale: 1 };
    case "dynamic":
      return { frequencies: plain(dynamicTheta(theta, headDim, scaling, length), headDim), scale: 1 };
    case "llama3":
      return { frequencies: plain(theta, headDim).map((own) => llama3(own, scaling)), scale: 1 };
    case "yarn":
      return { frequencies: yarn(theta, headDim, scaling), scale: scaling.attentionFactor };
  }
}

/** θ^(−2i/d) for each pair i. */
function plain(theta: number, headDim: number): number[] {
  return powers(theta, headDim).map((power) => fround(1 / power));
}

/** θ^(2i/d) for each pair i. */
function powers(theta: number, headDim: number): number[] {
  return Array.from({ length: headDim / 2 }, (_, i) => fround(theta ** fround((2 * i) / headDim)));
}

/** A larger base for a sequence that is longer than the trained context. */
function dynamicTheta(
  theta: number,
  headDim: number,
  { factor, originalPositions }: RopeScaling,
  length: number,
): number {
  if (length <= originalPositions) return theta;
  const stretch = fround(fround(fround(factor * length) / originalPositions) - (factor - 1));
  return fround(theta * fround(stretch ** (headDim / (headDim - 2))));
}

type Llama3 = Extract<RopeScaling, { type: "llama3" }>;

function llama3(frequency: number, scaling: Llama3): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling;
  const wavelength = fround((2 * Math.PI) / frequency);
  if (wavelength > originalPositions / low) return fround(frequency / factor);
  if (wavelength < originalPositions / high) return frequency;
  const smooth = fround(fround(fround(originalPositions / wavelength) - low) / (high - low));
  return fround(fround(fround(fround(1 - smooth) * frequency) / factor) + fround(smooth * frequency));
}

type Yarn = Extract<RopeScaling, { type: "yarn" }>;

function yarn(theta: number, headDim: number, scaling: Yarn): number[] {
  const { factor, betaFast, betaSlow, truncate, originalPositions } = scaling;
  // The pair, as a real number, that turns so often over the trained context.
  const pairOf = (turns: number) =>
    (headDim * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [from, to] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(from) : from, 0);
  const high = Math.min(truncate ? Math.ceil(to) : to, headDim - 1);
  const width = high === low ? 0.001 : high - low;
  return powers(theta, headDim).map((power, i) => {
    const ramp = Math.min(Math.max(fround(fround(i - low) / width), 0), 1);
    const kept = fround(1 - ramp);
    return fround(fround(fround(1 / fround(factor * power)) * fround(1 - kept)) + fround(fround(1 / power) * kept));
  });
}

/**
 * What `yarn` multiplies cos and sin by where a checkpoint does not say it: attention gets sharper the more positions
 * are stretched.
 *
 * @param mscale of the factor, and of a factor that it is divided by; used where both are given
 */
export function yarnAttentionFactor(factor: number, mscale?: number | null, mscaleAll?: number | null): number {
  const scaleOf = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  return mscale && mscaleAll ? scaleOf(mscale) / scaleOf(mscaleAll) : scaleOf(1);
}

/**
 * Up to which position ids a decoder can be used: those of its configuration, or those that its trained context is
 * stretched to.
 */
export function positionLimit({
  maxPositionEmbeddings,
  ropeScaling: scaling,
}: Pick<TextConfig, "maxPositionEmbeddings" | "ropeScaling">): number {
  return Math.max(maxPositionEmbeddings, scaling ? Math.floor(scaling.factor * scaling.originalPositions) : 0);
}
