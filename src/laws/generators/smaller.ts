import fc from "fast-check";
import { type Grid, patchCount } from "../../core/grid.ts";
import type { SelectionCase } from "./case.ts";
import { ranks } from "./scores.ts";

/**
 * The same cases, shrunk as one would do by hand: rows and columns are cut off together with their
 * scores, then budget and region size fall, then single scores become 0. (fast-check alone would draw new
 * scores for every smaller grid, which seldom break the same law.)
 */
export function shrinkingByHand(cases: fc.Arbitrary<SelectionCase>): fc.Arbitrary<SelectionCase> {
  return new ByHand(cases);
}

class ByHand extends fc.Arbitrary<SelectionCase> {
  private readonly cases: fc.Arbitrary<SelectionCase>;

  constructor(cases: fc.Arbitrary<SelectionCase>) {
    super();
    this.cases = cases;
  }

  override generate(random: fc.Random, bias: number | undefined): fc.Value<SelectionCase> {
    return new fc.Value(this.cases.generate(random, bias).value, undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is SelectionCase {
    return typeof value === "object" && value !== null && "grid" in value;
  }

  override shrink(value: SelectionCase): fc.Stream<fc.Value<SelectionCase>> {
    return fc.stream(smaller(value)).map((each) => new fc.Value(each, undefined));
  }
}

/** Simpler cases, the boldest first. Every step makes some number smaller, so that shrinking ends. */
function* smaller(input: SelectionCase): IterableIterator<SelectionCase> {
  const { grid, keep, regionSize, pick, kind, scores } = input;
  for (const [rows, columns] of crops(grid)) yield cropped(input, rows, columns);
  for (const less of below(regionSize, 1)) yield { ...input, regionSize: less };
  for (const less of below(keep, 1)) yield { ...input, keep: less };
  for (const less of below(pick, 0)) yield { ...input, pick: less };
  if (kind === "distinct") {
    for (let p = 0; p + 1 < scores.length; p++)
      if (scores[p] > scores[p + 1]) yield { ...input, scores: scores.with(p, scores[p + 1]).with(p + 1, scores[p]) };
  } else if (kind === "constant") {
    if (!Object.is(scores[0], 0)) yield { ...input, scores: scores.map(() => 0) };
  } else {
    for (let p = 0; p < scores.length; p++) {
      if (!Object.is(scores[p], 0)) yield { ...input, scores: scores.with(p, 0) };
    }
    for (let p = 0; p < scores.length; p++) {
      if (!Object.is(scores[p], 0) && scores[p] !== 1) yield { ...input, scores: scores.with(p, 1) };
    }
  }
}

/** First rows and columns [from, to) that are left: halves, then all but the last or the first line. */
function* crops({ rows, columns }: Grid): IterableIterator<[readonly [number, number], readonly [number, number]]> {
  for (const part of parts(rows)) yield [part, [0, columns]];
  for (const part of parts(columns)) yield [[0, rows], part];
}

function parts(lines: number): [number, number][] {
  const half = Math.floor(lines / 2);
  const all: [number, number][] = [
    [0, half],
    [half, lines],
    [0, lines - 1],
    [1, lines],
  ];
  return lines > 1 ? all.filter(([from, to]) => to > from) : [];
}

function cropped(
  input: SelectionCase,
  [top, bottom]: readonly [number, number],
  [left, right]: readonly [number, number],
): SelectionCase {
  const { columns } = input.grid;
  const grid = { rows: bottom - top, columns: right - left };
  const scores = input.scores.filter((_, p) => {
    const [row, column] = [Math.floor(p / columns), p % columns];
    return row >= top && row < bottom && column >= left && column < right;
  });
  return {
    ...input,
    grid,
    scores: input.kind === "distinct" ? ranks(scores) : scores,
    keep: Math.min(input.keep, patchCount(grid)),
    regionSize: Math.min(input.regionSize, Math.max(grid.rows, grid.columns) + 1),
  };
}

/** The least value, half way there, one less. */
function below(value: number, least: number): number[] {
  return [...new Set([least, Math.floor((value + least) / 2), value - 1])].filter(
    (less) => less >= least && less < value,
  );
}
