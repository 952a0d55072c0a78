import { element } from "../svg.ts";
import { COLOURS, heat } from "./palette.ts";

/** A darkened cell, for a legend. @param fill its colour */
export function darkSymbol(fill = "#4d4d4d"): string {
  const square = { x: -9, y: -9, width: 18, height: 18 };
  return element("rect", { ...square, fill, stroke: COLOURS.ink, "stroke-width": 1 });
}

/** A cell in the colour of a value from 0 to 1, for a legend. */
export function heatSymbol(value: number): string {
  return darkSymbol(heat(value));
}

/** A framed cell, for a legend. */
export function frameSymbol(): string {
  const square = { x: -9, y: -9, width: 18, height: 18, fill: "none" };
  return (
    element("rect", { ...square, stroke: COLOURS.ink, "stroke-width": 4 }) +
    element("rect", { ...square, stroke: COLOURS.paper, "stroke-width": 2 })
  );
}

/** Borders of regions, for a legend. */
export function regionSymbol(): string {
  const lines = { d: "M-4.5 -9V9M4.5 -9V9M-9 -4.5H9M-9 4.5H9", fill: "none", stroke: COLOURS.paper, "stroke-width": 1 };
  return darkSymbol() + element("path", lines);
}
