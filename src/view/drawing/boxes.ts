import type { Box } from "../../core/boxes.ts";
import type { Size } from "../../core/resample.ts";
import { element } from "../svg.ts";
import type { LegendEntry } from "./legend.ts";
import { COLOURS } from "./palette.ts";

/** Whose box it is; the three differ in colour, in dashes and in width. */
export type BoxKind = "truth" | "unpruned" | "pruned";

/** From the lowest to the uppermost: where boxes agree, the gaps of a line show the wider ones below it. */
const LINES: readonly { readonly kind: BoxKind; readonly width: number; readonly dashes: string }[] = [
  { kind: "pruned", width: 5, dashes: "none" },
  { kind: "unpruned", width: 3, dashes: "12 8" },
  { kind: "truth", width: 2, dashes: "2 4" },
];

/**
 * Frames, each on a light border, without words: the legend says whose they are. All borders lie below all lines, so
 * that every line is seen where boxes agree.
 */
export function boxFrames(boxes: readonly { readonly kind: BoxKind; readonly box: Box }[], size: Size): string {
  const frames = LINES.flatMap(({ kind }) =>
    boxes
      .filter((one) => one.kind === kind)
      .map(({ box }) => {
        const [x0, x1] = [box[0], box[2]].map((edge) => clamped(edge) * size.width);
        const [y0, y1] = [box[1], box[3]].map((edge) => clamped(edge) * size.height);
        const frame = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) };
        return lined(kind, (stroke) => element("rect", { ...frame, fill: "none", ...stroke }));
      }),
  );
  return frames.map(({ border }) => border).join("") + frames.map(({ line }) => line).join("");
}

/** The line of a legend for a kind of box. */
export function boxEntry(kind: BoxKind, text: string): LegendEntry {
  const { border, line } = lined(kind, (stroke) => element("path", { d: "M-14 0H14", fill: "none", ...stroke }));
  return { symbol: border + line, text };
}

function lined(kind: BoxKind, shape: (stroke: Readonly<Record<string, string | number>>) => string) {
  const { width, dashes } = LINES.find((one) => one.kind === kind) as (typeof LINES)[number];
  return {
    border: shape({ stroke: COLOURS.paper, "stroke-width": width + 3 }),
    line: shape({ class: `box-${kind}`, stroke: COLOURS[kind], "stroke-width": width, "stroke-dasharray": dashes }),
  };
}

function clamped(edge: number): number {
  return Math.min(1, Math.max(0, edge));
}
