import * as tf from "@tensorflow/tfjs";
import { turnHalves } from "../../backend/fused.ts";
import type { Position } from "../../core/slots.ts";
import type { TextConfig } from "./config.ts";
import { type RotaryFrequencies, type RotarySource, rotaryFrequencies } from "./rope-scaling.ts";

/** cos and sin of the rotary angles, each [B, 1, S, d], ready to broadcast over heads. */
export interface Rotation {
  readonly cos: tf.Tensor4D;
  readonly sin: tf.Tensor4D;
}

/**
 * Rotary position angles from explicit position ids (Su et al., arXiv 2104.09864): token at position p
 * turns pair i by p·θ^(−2i/d), or by what {@link rotaryFrequencies} makes of that. Rounded to float32 at each step as
 * the PyTorch implementation does, because at p ≈ 1000 the rounding of the angle is visible in the logits. Where
 * position ids have several axes, the first pairs turn with the first axis, the next ones with the next (M-RoPE, Wang
 * et al., arXiv 2409.12191).
 *
 * Where frequencies depend on the length of a sequence, that of each sample is its own, so that a batch says what its
 * samples say alone; transformers takes the longest. As there, tokens of a cache stay as they were rotated.
 *
 * A token may have K ids on each axis. Then the pairs of an axis are divided in K parts, each of which turns by one of
 * them; where K does not divide their number, neighbouring pairs turn by neighbouring ids (PPE, arXiv 2510.22936).
 *
 * @param positions position ids of every token, [B][S][R] or [B][S][K·R]; any integers, in any order
 */
export function rotaryAngles(
  positions: readonly (readonly Position[])[],
  config: RotarySource & Pick<TextConfig, "ropeSections">,
): Rotation {
  const { headDim, ropeSections } = config;
  const half = headDim / 2;
  const axes = ropeSections.length;
  const turners = new Map<number, readonly number[]>(); // by the number of ids
  const turnersOf = ({ length }: Position): readonly number[] => {
    const found = turners.get(length) ?? idsOfPairs(ropeSections, length / axes);
    turners.set(length, found);
    return found;
  };
  const shape: [number, number, number, number] = [positions.length, 1, positions[0].length, headDim];
  const [cos, sin] = [new Float32Array(tf.util.sizeFromShape(shape)), new Float32Array(tf.util.sizeFromShape(shape))];
  let own: RotaryFrequencies | undefined;
  positions.forEach((sample, row) => {
    // In a decoder without such a dependence, one set of frequencies serves all samples.
    if (!own || config.ropeScaling?.type === "dynamic") own = rotaryFrequencies(config, lengthOf(sample));
    const { frequencies, scale } = own;
    const factor = Math.fround(scale);
    sample.forEach((position, token) => {
      const idOf = turnersOf(position);
      for (let i = 0; i < half; i++) {
        const angle = Math.fround(position[idOf[i]] * frequencies[i]);
        const at = (row * sample.length + token) * headDim + i;
        cos[at] = cos[at + half] = factor * Math.fround(Math.cos(angle));
        sin[at] = sin[at + half] = factor * Math.fround(Math.sin(angle));
      }
    });
  });
  return { cos: tf.tensor4d(cos, shape), sin: tf.tensor4d(sin, shape) };
}

/** Which of the ids of a token each pair turns by, where it has `parts` on each axis. */
function idsOfPairs(ropeSections: readonly number[], parts: number): number[] {
  return ropeSections.flatMap((pairs, axis) =>
    Array.from({ length: pairs }, (_, pair) => {
      const part = pairs % parts === 0 ? Math.floor((pair * parts) / pairs) : pair % parts;
      return part * ropeSections.length + axis;
    }),
  );
}

function lengthOf(positions: readonly Position[]): number {
  return 1 + positions.reduce((most, position) => Math.max(most, ...position), 0);
}

/**
 * Turns the pairs (i, i + d/2), the "rotate half" convention of Hugging Face checkpoints, not the
 * interleaved one of the paper: [B, h, S, d] → [B, h, S, d].
 */
export function rotate(x: tf.Tensor4D, { cos, sin }: Rotation): tf.Tensor4D {
  return turnHalves(x, cos, sin);
}

/**
 * What {@link rotate} made of a tensor turned back, up to rounding: [B, h, S, d] → [B, h, S, d]. Where angles come with
 * a scale, cos² + sin² is its square.
 */
export function rotateBack(x: tf.Tensor4D, { cos, sin }: Rotation): tf.Tensor4D {
  return tf.tidy(() => turnHalves(x, cos, sin.neg()).div(cos.square().add(sin.square())));
}
