/** A box as fractions of the picture's width and height: left, top, right, bottom. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

const NUMBER = String.raw`\s*(\d+(?:\.\d+)?)\s*`;
const BOX = String.raw`\[${NUMBER},${NUMBER},${NUMBER},${NUMBER}\]`;

/** All bracketed lists of four decimals in a text, in order; spaces may stand anywhere between. */
export function parseBoxes(text: string): Box[] {
  return [...text.matchAll(new RegExp(BOX, "g"))].map(
    (found): Box => [Number(found[1]), Number(found[2]), Number(found[3]), Number(found[4])],
  );
}

/**
 * The first box in a text, as the RefCOCO harness reads an answer.
 *
 * @returns undefined when there is none
 */
export function parseBox(text: string): Box | undefined {
  return parseBoxes(text)[0];
}
