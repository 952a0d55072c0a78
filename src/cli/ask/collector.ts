import { printable, UsageError } from "../../core/errors.ts";
import type { SampleLedger } from "../../methods/ledger.ts";
import { firstCells } from "../../model/image-shape.ts";
import { isMixed, madeOf } from "../../view/drawing/groups.ts";

/** A cell as pictures name it: rows and columns are counted from 1. */
export interface NamedCell {
  readonly row: number;
  readonly column: number;
}

/** A commander argument parser for "row,column". @throws UsageError */
export function parseCell(text: string): NamedCell {
  const [, row, column] = /^\s*([1-9]\d{0,5})\s*,\s*([1-9]\d{0,5})\s*$/.exec(text) ?? [];
  if (row === undefined)
    throw new UsageError(
      `--collector ${printable(text)}: is not a row and a column from 1, such as 3,4, as the picture counts them.`,
    );
  return { row: Number(row), column: Number(column) };
}

/**
 * The tokens in a cell that are made of several cells: one in each grid of each image that has one there.
 *
 * @returns their numbers in the ledger
 * @throws UsageError when there is none, naming the nearest one
 */
export function collectorsIn({ tokens, images }: SampleLedger, { row, column }: NamedCell): number[] {
  const mixed = tokens.flatMap((token, number) => {
    const { grids } = images[token.image];
    const starts = firstCells(images[token.image]);
    return grids.flatMap((grid, i) => {
      const [made] = token.firstLayer === 0 ? madeOf([token], { grid }, starts[i]) : [];
      if (made === undefined || made.own < 0 || !isMixed(made)) return [];
      return [{ number, row: Math.floor(made.own / grid.columns) + 1, column: (made.own % grid.columns) + 1 }];
    });
  });
  const found = mixed.filter((one) => one.row === row && one.column === column);
  if (found.length > 0) return found.map(({ number }) => number);
  const asked = `--collector ${row},${column}`;
  if (mixed.length === 0)
    throw new UsageError(`${asked}: no token in a cell is made of several. Leave it out, or name another --method.`);
  const apart = (one: NamedCell) => (one.row - row) ** 2 + (one.column - column) ** 2;
  const nearest = mixed.reduce((best, one) => (apart(one) < apart(best) ? one : best));
  throw new UsageError(
    `${asked}: no token there is made of several cells. The nearest that is has --collector ` +
      `${nearest.row},${nearest.column}.`,
  );
}
