import { NuwaError } from "../../core/errors.ts";
import { best } from "../../core/ranking.ts";
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
 * - `ppe`: as `original`, but a token that is made of several cells carries several ids, see {@link spreadPositions}.
 *
 * The paper says: Nüwa keeps original ids (VisionZip has compressed ones, Table 3 gives it RPME). The released
 * code does: the same, with s = 35 and N = 576 written into it; here both follow from the prompt and the image.
 *
 * Where ids have several axes (M-RoPE), each policy holds on each axis by itself. Compressed then means that the ids
 * which kept tokens have on an axis are numbered without gaps: rows and columns without a token are left out, tokens of
 * one row still share its id, and the text goes on behind the longer side of what is left. Numbering the tokens along
 * all axes instead would take away rows and columns, also where nothing is pruned. Separators are numbered with the
 * tokens.
 *
 * A token that is none of the unpruned ones (a merged one, or a class token that the unpruned model would not
 * show) takes the id of the token before it, the first one the image's first id; compressed ids of a single axis
 * count it like any other.
 */
export type PositionPolicy = "original" | "compressed" | "rpme" | "ppe";

/** All {@link PositionPolicy} values. */
export const POSITION_POLICIES = ["original", "compressed", "rpme", "ppe"] as const satisfies readonly PositionPolicy[];

/** What a position policy is told of the unpruned image: its position ids, and where the text behind it goes on. */
export type UnprunedPositions = Pick<ImageShape, "offsets" | "separators" | "length">;

/**
 * Any other way to give ids, for experiments that none of the policies makes.
 *
 * @param offsets ids of each kept token and separator in the unpruned image, less the id at which it starts, in the
 *   order in which they stand; undefined for a token that is none of the unpruned ones
 * @param start the id at which the image starts (s)
 */
export type PositionFunction = (
  offsets: readonly (Position | undefined)[],
  start: number,
  image: UnprunedPositions,
) => ImagePositions;

/** Position ids around an image. */
export interface ImagePositions {
  /** One for each kept token and separator. */
  readonly visual: readonly Position[];
  /** The id of the first text token after the image. */
  readonly nextPosition: number;
}

/**
 * @param offsets see {@link PositionFunction}
 * @param start the id at which the image starts (s)
 * @throws NuwaError when a function gives another number of ids than there are tokens, or ids that RoPE cannot take
 */
export function imagePositions(
  policy: PositionPolicy | PositionFunction,
  offsets: readonly (Position | undefined)[],
  start: number,
  image: UnprunedPositions,
): ImagePositions {
  const axes = image.offsets[0].length;
  if (typeof policy === "function") return checked(policy(offsets, start, image), offsets.length, axes);
  switch (policy) {
    case "original":
    case "ppe":
      return {
        visual: filled(offsets, start, axes, (offset) => start + offset),
        nextPosition: start + image.length,
      };
    case "compressed":
      return axes === 1
        ? { visual: offsets.map((_, j) => [start + j]), nextPosition: start + offsets.length }
        : withoutGaps(offsets, start, axes);
    case "rpme":
      return { visual: stretched(offsets, start, image), nextPosition: start + image.length };
  }
}

/** How many ids a token carries under `ppe` (K), as published. */
const SPREAD_IDS = 8;

/**
 * The cells that a token is made of most, at most {@link SPREAD_IDS} of them: those of the largest weights, best first.
 *
 * @param weights of all cells of the image; undefined for a token that is its cell alone
 */
export function sourcesOf(weights: Float32Array | undefined): number[] | undefined {
  if (!weights) return undefined;
  const cells = Array.from(weights.keys()).filter((cell) => weights[cell] > 0);
  return best(cells, weights, SPREAD_IDS);
}

/**
 * **PPE**: the ids of a merged token spread over its rotary frequencies, which are divided in K = 8 parts: part j turns
 * by the id of the j-th cell that the token is made of.
 *
 * Source: "PPE", ICLR 2026, arXiv 2510.22936; released code: github.com/MouxiaoHuang/PPE. It does this for clusters of
 * Qwen2.5-VL, whose sections of frequencies (16, 24 and 24 pairs) it divides in 8 equal parts each; where 8 does not
 * divide a section, neighbouring pairs turn by neighbouring ids. Members are meant to be ordered by weight there, but
 * end up in the order of an unstable sort, mostly the highest raster indices.
 *
 * Our reading: cells are ordered by falling weight. In a decoder of one axis the d/2 frequencies are the one section.
 * Under Nüwa a collector carries the ids of the 8 patches of its largest weights and a pillar its own. Like there, the
 * ids of a token that is made of fewer cells are repeated; with one cell it is turned as ever, and so is text.
 *
 * @param sources cells, best first
 * @param start the id at which the image starts (s)
 * @returns ids in the order of the parts; undefined where the token has none but its own
 */
export function spreadPositions(
  sources: readonly number[] | undefined,
  start: number,
  { offsets, extraTokens }: Pick<ImageShape, "offsets" | "extraTokens">,
): Position[] | undefined {
  if (!sources || sources.length === 0) return undefined;
  const ids = sources.map((cell) => offsets[cell + extraTokens].map((offset) => offset + start));
  return ids.length === 1 ? ids : Array.from({ length: SPREAD_IDS }, (_, part) => ids[part % ids.length]);
}

function checked(positions: ImagePositions, count: number, axes: number): ImagePositions {
  const refuse = (what: string): never => {
    throw new NuwaError(`position function: ${what}`);
  };
  if (!Array.isArray(positions?.visual)) refuse("returns no { visual, nextPosition }.");
  const { visual, nextPosition } = positions;
  if (visual.length !== count) refuse(`${visual.length} ids for ${count} visual tokens. Give one for each.`);
  const isId = (id: number) => Number.isInteger(id) && id >= 0 && id < 2 ** 31;
  visual.forEach((ids, token) => {
    if (ids?.length !== axes || !ids.every(isId))
      refuse(`token ${token} gets [${ids}], not a list of an integer from 0 for each of ${axes} axes.`);
  });
  if (!isId(nextPosition)) refuse(`nextPosition is ${nextPosition}, not an integer from 0.`);
  return positions;
}

/** On each axis the offsets that occur, numbered without gaps. */
function withoutGaps(offsets: readonly (Position | undefined)[], start: number, axes: number): ImagePositions {
  const ranks = Array.from({ length: axes }, (_, axis) => {
    const own = new Set(offsets.flatMap((offset) => (offset ? [offset[axis]] : [])));
    return new Map([...own].sort((a, b) => a - b).map((offset, rank) => [offset, rank]));
  });
  return {
    visual: filled(offsets, start, axes, (offset, axis) => start + (ranks[axis].get(offset) as number)),
    nextPosition: start + Math.max(1, ...ranks.map((own) => own.size)),
  };
}

/** Algorithm 3, on each axis by itself. The lowest offset counts as the first, the highest as the last. */
function stretched(offsets: readonly (Position | undefined)[], start: number, image: UnprunedPositions): Position[] {
  const kept = offsets.filter((offset) => offset !== undefined);
  const all = [...image.offsets, ...image.separators.map(({ offset }) => offset)];
  const bounds = image.offsets[0].map((_, axis) => {
    const own = kept.map((offset) => offset[axis]);
    return { first: Math.min(...own), last: Math.max(...own), end: Math.max(...all.map((offset) => offset[axis])) };
  });
  return filled(offsets, start, bounds.length, (offset, axis) => {
    const { first, last, end } = bounds[axis];
    // The product comes first: it is an exact integer, and the quotient then rounds up only where it must.
    return offset === first ? start : start + Math.ceil((offset * end) / last);
  });
}

/** Ids by the offsets of the unpruned tokens; what is none of them takes those of the token before it. */
function filled(
  offsets: readonly (Position | undefined)[],
  start: number,
  axes: number,
  idOf: (offset: number, axis: number) => number,
): Position[] {
  let before = textPosition(start, axes);
  return offsets.map((offset) => {
    if (offset) before = offset.map(idOf);
    return before;
  });
}
