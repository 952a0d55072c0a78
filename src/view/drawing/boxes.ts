import type { Box } from "../../core/boxes.ts";
import type { Size } from "../../core/resample.ts";
import { element } from "../svg.ts";
import type { LegendEntry } from "./legend.ts";
import { COLOURS } from "./palette.ts";

/** Whose box it is; the three differ in colour and in dashes. */
export type BoxKind = "truth" | "unpruned" | "pruned";

const DASHES: Readonly<Record<BoxKind, string>> = { truth: "2 4", unpruned: "12 5", pruned: "none" };

/** Frames, each on a light border, without words: the legend says whose they are. */
export function boxFrames(boxes: readonly { readonly kind: BoxKind; readonly box: Box }[], size: Size): string {
  return boxes
    .map(({ kind, box }) => {
      const [x0, x1] = [box[0], box[2]].map((edge) => clamped(edge) * size.width);
      const [y0, y1] = [box[1], box[3]].map((edge) => clamped(edge) * size.height);
      const frame = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) };
      return drawn(kind, (stroke) => element("rect", { ...frame, fill: "none", ...stroke }));
    })
    .join("");
}

/** The line of a legend for a kind of box. */
export function boxEntry(kind: BoxKind, text: string): LegendEntry {
  const line = (stroke: Readonly<Record<string, string | number>>) =>
    element("path", { d: "M-14 0H14", fill: "none", ...stroke });
  return { symbol: drawn(kind, line), text };
}

function drawn(kind: BoxKind, shape: (stroke: Readonly<Record<string, string | number>>) => string): string {
  const stroke = { stroke: COLOURS[kind], "stroke-width": 3, "stroke-dasharray": DASHES[kind] };
  return shape({ stroke: COLOURS.paper, "stroke-width": 6 }) + shape({ class: `box-${kind}`, ...stroke });
}

function clamped(edge: number): number {
  return Math.min(1, Math.max(0, edge));
}
