import fc from "fast-check";
import { type Grid, patchCount } from "../../src/pruning/grid.ts";

/** Cells wider than this many columns in all are drawn as one character each. */
const WIDE = 12;

/**
 * A grid as text. Anchors stand in brackets, regions are parted by lines; a wide grid shows # for anchors
 * and · for the others.
 *
 * @param scores one per patch
 */
export function drawGrid(
  grid: Grid,
  { scores, anchors = [], regionSize }: { scores?: ArrayLike<number>; anchors?: readonly number[]; regionSize: number },
): string {
  const kept = new Set(anchors);
  const wide = grid.columns > WIDE || scores === undefined;
  const texts = Array.from({ length: patchCount(grid) }, (_, p) => {
    if (wide) return kept.has(p) ? "#" : "·";
    const score = signed((scores as ArrayLike<number>)[p]);
    return kept.has(p) ? `[${score}]` : ` ${score} `;
  });
  const width = Math.max(...texts.map((text) => text.length));
  const lines: string[] = [];
  for (let row = 0; row < grid.rows; row++) {
    let line = "";
    for (let column = 0; column < grid.columns; column++) {
      if (column > 0) line += column % regionSize === 0 ? "|" : wide ? "" : " ";
      line += texts[row * grid.columns + column].padStart(width);
    }
    if (row > 0 && row % regionSize === 0) lines.push(line.replace(/[^|]/gu, "-").replaceAll("|", "+"));
    lines.push(line);
  }
  return lines.join("\n");
}

/** A number in few characters; the sign of −0 is shown. */
function signed(value: number): string {
  if (Object.is(value, -0)) return "-0";
  return String(Number(value.toPrecision(3)));
}

/** Draws any case: its grid where it has one, then all of its fields. */
export function draw(input: unknown): string {
  const { grid, scores, regionSize, anchors, ...rest } = (input ?? {}) as Record<string, never>;
  if (grid === undefined) return fc.stringify(input);
  const { rows, columns } = grid as Grid;
  const title = `${rows}×${columns} patches${regionSize === undefined ? "" : `, regions of ${regionSize}×${regionSize}`}`;
  const fields = Object.entries(rest).map(([name, value]) => `${name}: ${fc.stringify(value)}`);
  const picture = drawGrid(grid, { scores, anchors, regionSize: regionSize ?? Math.max(rows, columns) });
  return [title, picture, ...fields].join("\n");
}
