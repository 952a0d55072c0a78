import fc from "fast-check";
import { type Grid, patchCount } from "../core/grid.ts";
import type { Sequence } from "../core/slots.ts";

/** Cells wider than this many columns in all are drawn as one character each. */
const WIDE = 12;

/** What {@link drawGrid} shows besides the grid. */
export interface DrawnGrid {
  /** One per patch. */
  readonly scores?: ArrayLike<number>;
  readonly anchors?: readonly number[];
  /** Patches that were kept twice, in braces; 2 in a wide grid. */
  readonly doubled?: readonly number[];
  /** Patches of which one should have been kept, between exclamation marks; ! in a wide grid. */
  readonly missing?: readonly number[];
  readonly regionSize: number;
}

/**
 * A grid as text. Anchors stand in brackets, regions are parted by lines; a wide grid shows # for anchors
 * and · for the others.
 */
export function drawGrid(
  grid: Grid,
  { scores, anchors = [], doubled = [], missing = [], regionSize }: DrawnGrid,
): string {
  const [kept, twice, absent] = [new Set(anchors), new Set(doubled), new Set(missing)];
  const wide = grid.columns > WIDE || scores === undefined;
  const texts = Array.from({ length: patchCount(grid) }, (_, p) => {
    if (wide) return twice.has(p) ? "2" : kept.has(p) ? "#" : absent.has(p) ? "!" : "·";
    const score = signed((scores as ArrayLike<number>)[p]);
    if (twice.has(p)) return `{${score}}`;
    if (absent.has(p)) return `!${score}!`;
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

/** A batch of prompts as text: t is a text token, V a visual one, | a separator, · padding. */
function drawSequence(sequence: Sequence): string {
  const symbols = { text: "t", visual: "V", separator: "|" };
  return sequence.map((slots) => slots.map((slot) => (slot ? symbols[slot.kind] : "·")).join("")).join("\n");
}

/** Draws any case: its grid or its prompts where it has them, then all of its other fields. */
export function draw(input: unknown): string {
  if (Array.isArray(input)) return input.map(draw).join("\n");
  if (typeof input !== "object" || input === null) return fc.stringify(input);
  const { grid, sequence, ...fields } = input as { grid?: Grid; sequence?: Sequence } & Record<string, unknown>;
  const lines: string[] = [];
  if (grid) {
    const { scores, regionSize, anchors } = fields as { scores?: number[]; regionSize?: number; anchors?: number[] };
    const regions = regionSize === undefined ? "" : `, regions of ${regionSize}×${regionSize}`;
    lines.push(`${grid.rows}×${grid.columns} patches${regions}`);
    lines.push(drawGrid(grid, { scores, anchors, regionSize: regionSize ?? Math.max(grid.rows, grid.columns) }));
  }
  if (sequence) lines.push(drawSequence(sequence));
  return [...lines, ...Object.entries(fields).map(([name, value]) => `${name}: ${fc.stringify(value)}`)].join("\n");
}
