import { UsageError } from "../core/errors.ts";
import { patchCount } from "../core/grid.ts";
import { shown } from "../core/schema.ts";
import type { ImageShape } from "../model/image-shape.ts";

/**
 * How many visual tokens a decoder layer should see on average: a number of tokens, or a ratio of all
 * visual tokens. It is what the field compares methods by.
 */
export type AverageTokens = { readonly tokens: number } | { readonly ratio: number };

/**
 * Reads "64" (tokens), "1/9" or "0.25" (ratios).
 *
 * @throws UsageError when it is neither, or not positive
 */
export function parseAverage(text: string): AverageTokens {
  const fraction = /^(\d+)\/(\d+)$/.exec(text);
  const value = fraction ? Number(fraction[1]) / Number(fraction[2]) : Number(text);
  if (!/^\d+(\/\d+|\.\d+)?$/.test(text) || !Number.isFinite(value) || value <= 0) {
    throw new UsageError(`average ${shown(text)} is not a number of tokens such as 64 or a ratio such as 1/9.`);
  }
  if (!fraction && Number.isInteger(value)) return { tokens: value };
  if (value > 1)
    throw new UsageError(`average ${shown(text)} is a ratio above 1. Give at most 1/1, or a whole number of tokens.`);
  return { ratio: value };
}

/**
 * An average as a number of tokens, not rounded.
 *
 * @param total all visual tokens (N)
 * @throws UsageError when it is no number, below one token or above N
 */
export function averageCount(average: AverageTokens, total: number): number {
  if (typeof average !== "object" || average === null)
    throw new UsageError(
      `average ${shown(average)} is not { tokens } or { ratio } with a number. Texts are read by parseAverage.`,
    );
  const { tokens: count, ratio = Number.NaN } = average as { tokens?: number; ratio?: number };
  const asked = count ?? ratio * total;
  if (typeof asked !== "number" || Number.isNaN(asked))
    throw new UsageError(
      `average of ${count ?? ratio} is not { tokens } or { ratio } with a number. Texts are read by parseAverage.`,
    );
  // A ratio of a whole number of tokens may come out a rounding error off it: (506/887)·887 < 506.
  const tokens = Math.abs(asked - Math.round(asked)) < 1e-12 * total ? Math.round(asked) : asked;
  if (tokens > total) throw new UsageError(`average ${tokens} exceeds the ${total} visual tokens of the image.`);
  if (tokens < 1)
    throw new UsageError(
      `average ${Number(tokens.toPrecision(4))} of the ${total} visual tokens of the image is less than one token. ` +
        "Ask for more.",
    );
  return tokens;
}

/**
 * How many of some tokens each grid of an image may keep: as many for each tile that it was made of, rounded down, and
 * no more than it has. With a single tile, or where everything is kept, it is all of them.
 *
 * @throws UsageError when there are fewer tokens than tiles
 */
export function sharedOut(count: number, { grids, tiles }: Pick<ImageShape, "grids" | "tiles">): number[] {
  const cells = grids.map(patchCount);
  if (count >= cells.reduce((sum, own) => sum + own, 0)) return cells;
  if (count === 0) return cells.map(() => 0);
  const all = tiles.reduce((sum, own) => sum + own, 0);
  const each = Math.floor(count / all);
  if (each < 1)
    throw new UsageError(
      `a budget of ${count} tokens is less than one for each of the image's ${all} tiles. Ask for more.`,
    );
  return cells.map((own, i) => Math.min(each * tiles[i], own));
}

/**
 * Whether an average is all visual tokens, so that there is nothing to prune; undefined is none.
 *
 * @throws UsageError as {@link averageCount}
 */
export function isEverything(average: AverageTokens | undefined, total: number): boolean {
  return average !== undefined && averageCount(average, total) === total;
}

/**
 * The budget rule of a method that has none: it prunes as published, or, asked for all visual tokens, not at all.
 *
 * @returns whether it prunes
 * @throws UsageError for any other average, and as {@link averageCount}
 */
export function prunesAsPublished(method: string, average: AverageTokens | undefined, total: number): boolean {
  if (average === undefined) return true;
  if (isEverything(average, total)) return false;
  throw new UsageError(
    `method ${method} has no budget: it keeps what it has published, so that it cannot be asked for an average. ` +
      "Leave the average out.",
  );
}

/**
 * An average as a whole number of tokens, at least one: the budget of methods that keep one number everywhere.
 *
 * @throws UsageError as {@link averageCount}
 */
export function wholeCount(average: AverageTokens, total: number): number {
  return Math.max(1, Math.round(averageCount(average, total)));
}
