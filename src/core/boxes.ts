import type { Size } from "./resample.ts";

/** A box as fractions of the picture's width and height: left, top, right, bottom. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/** The unit of boxes that are written as fractions. */
export const FRACTIONS: Size = { width: 1, height: 1 };

const NUMBER = String.raw`\s*(\d+(?:\.\d+)?)\s*`;
const BOX = String.raw`\[${NUMBER},${NUMBER},${NUMBER},${NUMBER}\]`;

/**
 * All bracketed lists of four decimals in a text as boxes, in order; spaces may stand anywhere between.
 *
 * @param units for each image that the text may speak of the picture's size in the unit in which its boxes are written
 * (`PreparedImage.boxUnit`). A box does not say which image it means: one that is another box in each is left out.
 */
export function parseBoxes(text: string, units: readonly Size[] = [FRACTIONS]): Box[] {
  return [...text.matchAll(new RegExp(BOX, "g"))].flatMap(([, ...edges]) => {
    const written = edges.map(Number) as unknown as Box;
    if (!written.every(Number.isFinite)) return [];
    const [box, ...others] = units.map((unit) => fractionsOf(written, unit));
    return box && others.every((other) => other.every((edge, i) => edge === box[i])) ? [box] : [];
  });
}

/**
 * The first box in a text, as the RefCOCO harness reads an answer; see {@link parseBoxes}.
 *
 * @returns undefined when there is none
 */
export function parseBox(text: string, units?: readonly Size[]): Box | undefined {
  return parseBoxes(text, units)[0];
}

/**
 * A box as a model wrote it, as fractions. A model that writes pixels may be asked for fractions and obey: a box
 * without a number above 1, which as pixels would have no area worth naming, is one of fractions.
 *
 * @param unit the picture's size in the unit that the model writes
 */
export function fractionsOf(written: Box, { width, height }: Size): Box {
  if (written.every((edge) => edge <= 1)) return written;
  const [x0, y0, x1, y1] = written;
  return [x0 / width, y0 / height, x1 / width, y1 / height];
}
