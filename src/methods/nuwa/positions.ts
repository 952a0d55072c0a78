import { NuwaError } from "../../core/errors.ts";

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
 * A token without a place in the image (a merged one, or a class token that the unpruned model would not
 * show) takes the id of the token before it, the first one the image's first id; compressed ids count it
 * like any other.
 */
export type PositionPolicy = "original" | "compressed" | "rpme";

/** All {@link PositionPolicy} values. */
export const POSITION_POLICIES = ["original", "compressed", "rpme"] as const satisfies readonly PositionPolicy[];

/**
 * Any other way to give ids, for experiments that none of the policies makes.
 *
 * @param indices places of the visual tokens among 0..total−1, in the order in which they stand; −1 for none
 * @param start how many tokens stand before the image (s)
 * @param total how many visual tokens the image had unpruned (N)
 */
export type PositionFunction = (indices: readonly number[], start: number, total: number) => ImagePositions;

/** Position ids around an image. */
export interface ImagePositions {
  /** One id for each kept visual token. */
  readonly visual: readonly number[];
  /** The id of the first text token after the image. */
  readonly nextPosition: number;
}

/**
 * @param indices places of the visual tokens among 0..total−1, in the order in which they stand; −1 for none
 * @param start how many tokens stand before the image (s)
 * @param total how many visual tokens the image had unpruned (N)
 * @throws NuwaError when a function gives another number of ids than there are tokens, or ids that RoPE cannot take
 */
export function imagePositions(
  policy: PositionPolicy | PositionFunction,
  indices: readonly number[],
  start: number,
  total: number,
): ImagePositions {
  if (typeof policy === "function") return checked(policy(indices, start, total), indices.length);
  switch (policy) {
    case "original":
      return { visual: filled(indices, start, (place) => start + place), nextPosition: start + total };
    case "compressed":
      return { visual: indices.map((_, i) => start + i), nextPosition: start + indices.length };
    case "rpme":
      return { visual: stretched(indices, start, total), nextPosition: start + total };
  }
}

function checked(positions: ImagePositions, count: number): ImagePositions {
  const { visual, nextPosition } = positions;
  if (visual.length !== count || ![...visual, nextPosition].every((id) => Number.isInteger(id) && id >= 0))
    throw new NuwaError(
      `position function: ${visual.length} ids for ${count} visual tokens. It must give each one an integer from 0.`,
    );
  return positions;
}

/** Algorithm 3. The lowest place counts as the first, the highest as the last. */
function stretched(indices: readonly number[], start: number, total: number): number[] {
  const places = indices.filter((place) => place >= 0);
  const [first, last] = [Math.min(...places), Math.max(...places)];
  // The product comes first: it is an exact integer, and the quotient then rounds up only where it must.
  return filled(indices, start, (place) => (place === first ? start : start + Math.ceil((place * (total - 1)) / last)));
}

/** Ids by place; tokens without one take that of the token before them. */
function filled(indices: readonly number[], start: number, idOf: (place: number) => number): number[] {
  let before = start;
  return indices.map((place) => {
    if (place >= 0) before = idOf(place);
    return before;
  });
}
