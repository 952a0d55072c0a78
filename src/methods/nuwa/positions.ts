import { NuwaError } from "../../core/errors.ts";
import { type Position, textPosition } from "../../core/slots.ts";
import type { ImageShape } from "../../model/image-shape.ts";

/**
 * **Position ids** of the visual tokens that stage 1 kept, after the paper's taxonomy (section 2.3). Token j
 * stands for the cell of raster index I_j of N; s tokens stand before the image.
 * - `original` (PESP): the id that the cell had unpruned; the ids are sparse, text goes on at s + N.
 *   $$ pos_j = s + I_j $$
 * - `compressed` (PERC): consecutive ids, as if the k kept tokens were all there ever was; text goes on at s + k.
 *   $$ pos_j = s + j $$
 * - `rpme`: relative position mapping extension (Algorithm 3): the ids stretched linearly over the whole range
 *   that the image had; text goes on at s + N.
 *   $$ pos_0 = s, \qquad pos_j = s + \lceil I_j (e - s) / I_{last} \rceil, \qquad e = s + N - 1 $$
 *
 * The paper says: Nüwa keeps original ids (VisionZip has compressed ones, Table 3 gives it RPME). The released
 * code does: the same, with s = 35 and N = 576 written into it; here both follow from the prompt and the image.
 *
 * Where position ids have several axes, `original` and `rpme` hold on each axis by itself.
 *
 * A token that is none of the unpruned ones (a merged one, or a class token that the unpruned model would not
 * show) takes the id of the token before it, the first one the image's first id; compressed ids count it
 * like any other.
 */
export type PositionPolicy = "original" | "compressed" | "rpme";

/** All {@link PositionPolicy} values. */
export const POSITION_POLICIES = ["original", "compressed", "rpme"] as const satisfies readonly PositionPolicy[];

/** What a position policy is told of the image: where its unpruned tokens stand, and where its text goes on. */
export type UnprunedPositions = Pick<ImageShape, "offsets" | "length">;

/**
 * Any other way to give ids, for experiments that none of the policies makes.
 *
 * @param tokens which of the image's unpruned tokens each visual token is, in the order in which they stand; −1: none
 * @param start the id at which the image starts (s)
 * @param image of one axis: N = `image.length` tokens
 */
export type PositionFunction = (tokens: readonly number[], start: number, image: UnprunedPositions) => ImagePositions;

/** Position ids around an image. */
export interface ImagePositions {
  /** One for each kept visual token. */
  readonly visual: readonly Position[];
  /** The id of the first text token after the image. */
  readonly nextPosition: number;
}

/**
 * @param tokens which of the image's unpruned tokens each visual token is, in the order in which they stand; −1: none
 * @param start the id at which the image starts (s)
 * @throws NuwaError when a function gives another number of ids than there are tokens, or ids that RoPE cannot take
 */
export function imagePositions(
  policy: PositionPolicy | PositionFunction,
  tokens: readonly number[],
  start: number,
  image: UnprunedPositions,
): ImagePositions {
  if (typeof policy === "function") return checked(policy(tokens, start, image), tokens.length);
  const axes = image.offsets[0].length;
  switch (policy) {
    case "original":
      return {
        visual: filled(tokens, start, image, (offset) => start + offset),
        nextPosition: start + image.length,
      };
    case "compressed":
      return { visual: tokens.map((_, j) => textPosition(start + j, axes)), nextPosition: start + tokens.length };
    case "rpme":
      return { visual: stretched(tokens, start, image), nextPosition: start + image.length };
  }
}

function checked(positions: ImagePositions, count: number): ImagePositions {
  const { visual, nextPosition } = positions;
  if (visual.length !== count || ![...visual.flat(), nextPosition].every((id) => Number.isInteger(id) && id >= 0))
    throw new NuwaError(
      `position function: ${visual.length} ids for ${count} visual tokens. It must give each one an integer from 0.`,
    );
  return positions;
}

/** Algorithm 3, on each axis by itself. The lowest offset counts as the first, the highest as the last. */
function stretched(tokens: readonly number[], start: number, image: UnprunedPositions): Position[] {
  const kept = tokens.flatMap((token) => (token >= 0 ? [image.offsets[token]] : []));
  const [first, last] = [Math.min, Math.max].map((bound) => (axis: number) => bound(...kept.map((o) => o[axis])));
  const end = (axis: number) => Math.max(...image.offsets.map((offset) => offset[axis]));
  const bounds = image.offsets[0].map((_, axis) => [first(axis), last(axis), end(axis)]);
  return filled(tokens, start, image, (offset, axis) => {
    const [lowest, highest, e] = bounds[axis];
    // The product comes first: it is an exact integer, and the quotient then rounds up only where it must.
    return offset === lowest ? start : start + Math.ceil((offset * e) / highest);
  });
}

/** Ids by the offsets of the unpruned tokens; what is none of them takes those of the token before it. */
function filled(
  tokens: readonly number[],
  start: number,
  { offsets }: UnprunedPositions,
  idOf: (offset: number, axis: number) => number,
): Position[] {
  let before = textPosition(start, offsets[0].length);
  return tokens.map((token) => {
    if (token >= 0) before = offsets[token].map(idOf);
    return before;
  });
}
