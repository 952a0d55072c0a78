import sharp from "sharp";

/** A decimal number as it is printed. */
const NUMBER = /\d+(?:\.\d+)?/g;

/**
 * Where two printed texts differ by more than rounding. Decimals may differ by one unit of the last digit that is
 * printed; everything else is equal, whole numbers among it.
 *
 * @returns the first pair of lines that differ, undefined where none does
 */
export function textDifference(committed: string, now: string): string | undefined {
  const [before, after] = [committed, now].map((text) => text.trimEnd().split("\n"));
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    const [old, fresh] = [before[i] ?? "", after[i] ?? ""];
    if (!sameLine(old, fresh)) return `was "${old}", is now "${fresh}"`;
  }
  return undefined;
}

function sameLine(a: string, b: string): boolean {
  if (a === b) return true;
  if (a.replace(NUMBER, "#") !== b.replace(NUMBER, "#")) return false;
  const [left, right] = [a, b].map((line) => line.match(NUMBER) ?? []);
  return left.every((value, i) => sameNumber(value, right[i]));
}

function sameNumber(a: string, b: string): boolean {
  const [digits, others] = [a, b].map((value) => value.split(".")[1]?.length ?? 0);
  // Halves of the last digit are lost in binary fractions.
  return a === b || (digits > 0 && digits === others && Math.abs(Number(a) - Number(b)) < 1.5 * 10 ** -digits);
}

/** Squares of so many pixels are compared by their mean, so that letters of another font count little. */
const SQUARE = 4;
/** Levels of 255 by which a square may differ, and the share of squares that may differ by more. */
const LEVELS = 48;
const SHARE = 0.01;

/**
 * Whether two pictures differ by more than another machine's drawing.
 *
 * @param committed bytes of a PNG
 * @returns how they differ, undefined where they do not
 */
export async function pictureDifference(committed: Uint8Array, now: Uint8Array): Promise<string | undefined> {
  const sizes = await Promise.all([committed, now].map((bytes) => sharp(bytes).metadata()));
  const [was, is] = sizes.map(({ width, height }) => `${width}×${height}`);
  if (was !== is) return `was ${was} pixels, is now ${is}`;
  const size = { width: Math.ceil(sizes[0].width / SQUARE), height: Math.ceil(sizes[0].height / SQUARE) };
  const [old, fresh] = await Promise.all(
    [committed, now].map((bytes) =>
      sharp(bytes)
        .removeAlpha()
        .toColourspace("srgb")
        .resize({ ...size, fit: "fill", kernel: "linear" })
        .raw()
        .toBuffer(),
    ),
  );
  const far = old.reduce((count, level, i) => count + Number(Math.abs(level - fresh[i]) > LEVELS), 0);
  const share = far / old.length;
  return share > SHARE ? `${(100 * share).toFixed(1)} % of it differs` : undefined;
}
