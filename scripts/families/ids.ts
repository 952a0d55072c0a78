import { imagePositions } from "../../src/methods/nuwa/positions.ts";
import { firstCells } from "../../src/model/image-shape.ts";
import type { IdBox } from "./drawing.ts";
import type { Seen } from "./photograph.ts";

/** Position ids of the unpruned image in its usual prompt, as they are written in a drawing. */
export interface WrittenIds {
  /** Of each cell. */
  readonly cells: readonly string[];
  /** Of each separator. */
  readonly separators: readonly string[];
  /** Of the first text token behind the image. */
  readonly next: string;
}

/** The ids that the project gives to the unpruned image. */
export function writtenIds({ shape, start }: Pick<Seen, "shape" | "start">): WrittenIds {
  const offsets = [...shape.offsets, ...shape.separators.map(({ offset }) => offset)];
  const { visual, nextPosition } = imagePositions("original", offsets, start, shape);
  const ids = visual.map((position) => position.join(","));
  const cells = shape.offsets.length;
  const axes = shape.offsets[0].length;
  return {
    cells: ids.slice(0, cells),
    separators: ids.slice(cells),
    next: new Array(axes).fill(nextPosition).join(","),
  };
}

/** The first and last cells of one row of a grid, with its separator where it has one. */
export function rowOfIds(seen: Pick<Seen, "shape" | "start">, which: number, row: number, first = 3): IdBox[] {
  const { cells, separators } = writtenIds(seen);
  const { columns } = seen.shape.grids[which];
  const from = firstCells(seen.shape)[which] + row * columns;
  const own = cells.slice(from, from + columns).map((id): IdBox => ({ id, kind: "visual" }));
  const behind = seen.shape.separators.findIndex(({ after }) => after === from + columns - 1);
  const separator: IdBox[] = behind < 0 ? [] : [{ id: separators[behind], kind: "separator" }];
  return [...own.slice(0, first), { kind: "visual" }, ...own.slice(-1), ...separator];
}

/** Text in front of the image and behind it. */
export function textIds(seen: Pick<Seen, "shape" | "start">): { readonly before: IdBox[]; readonly after: IdBox[] } {
  const axes = seen.shape.offsets[0].length;
  const of = (id: number): IdBox => ({ id: new Array(axes).fill(id).join(","), kind: "text" });
  return {
    before: [of(0), { kind: "text" }, of(seen.start - 1)],
    after: [{ id: writtenIds(seen).next, kind: "text" }, { kind: "text" }],
  };
}
