import fc from "fast-check";
import { NuwaError } from "../../src/core/errors.ts";
import { readText } from "../../src/io/files.ts";
import { declaredSize } from "../../src/io/svg.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

/** CSS Values and Units 3: an inch is 96 pixels, 72 points, 6 picas, 2.54 centimetres. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  px: 1,
  PT: 96 / 72,
  pc: 96 / 6,
  in: 96,
  cm: 96 / 2.54,
  mm: 96 / 25.4,
};

interface Length {
  readonly written: string;
  /** Undefined where it is relative, or no length. */
  readonly pixels: number | undefined;
}
const length: fc.Arbitrary<Length | undefined> = fc.oneof(
  fc
    .tuple(fc.constantFrom("1", "12.5", ".5", "3.", "1e2", "2.5E1", "0x10"), fc.constantFrom(...Object.keys(UNITS)))
    .map(([number, unit]) => ({
      written: ` ${number}${unit}`,
      pixels: number === "0x10" ? undefined : Number(number) * UNITS[unit],
    })),
  fc.constantFrom<Length | undefined>(
    { written: "50%", pixels: undefined },
    { written: "auto", pixels: undefined },
    undefined,
  ),
);

/** Each beside the size, or before the element; nothing of it is a size. */
const other = fc.constantFrom(
  "",
  'stroke-width="7"',
  "title='width=\"7\"'",
  'style="height: 7px"',
  "xlink:width='7'",
  "\n",
);
const before = fc.constantFrom(
  "",
  '<?xml version="1.0"?>\n',
  '<!-- <svg width="7" height="7"> -->',
  "<!-->-->",
  "<!DOCTYPE svg>\n",
);

const whole = fc
  .record({
    before,
    prefix: fc.constantFrom("", "s:"),
    others: fc.tuple(other, other, other),
    quote: fc.constantFrom('"', "'"),
    width: length,
    height: length,
    viewBox: fc.option(fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 })), { nil: undefined }),
    separator: fc.constantFrom(" ", ",", ", "),
  })
  .map(({ before: start, prefix, others, quote, width, height, viewBox, separator }): Case => {
    const attribute = (name: string, value: string | undefined) =>
      value === undefined ? "" : `${name} = ${quote}${value}${quote}`;
    const box = viewBox && [0, 0, ...viewBox].join(separator);
    const sizes = [attribute("height", height?.written), attribute("width", width?.written), attribute("viewBox", box)];
    const attributes = sizes.flatMap((size, i) => [size, others[i]]).join(" ");
    const text = `${start}<${prefix}svg ${attributes}><rect width="7" height="7"/></${prefix}svg>`;
    const [w, h] = [width?.pixels, height?.pixels];
    const [across, down] = viewBox ?? [];
    const ratio = across === undefined || down === undefined ? undefined : down / across;
    const size = [
      w ?? (ratio && h !== undefined ? h / ratio : ratio && across),
      h ?? (ratio && w !== undefined ? w * ratio : ratio && down),
    ];
    return { bytes: Buffer.from(text), wanted: size.includes(undefined) ? [] : size };
  });

/** The size that an SVG declares. */
export const drawings: Target = {
  name: "drawings",
  cases: 150,
  inputs: withDamage(whole, ["<svg ", "<!--", "-->", ' width="', "='", ">", "1e999", "-5"]),
  read(path) {
    const text = readText(path, 2 ** 20);
    try {
      const size = declaredSize(text);
      return size ? [size.width, size.height] : [];
    } catch (error) {
      // As preprocess() has it: its message becomes a part of a line.
      throw new NuwaError((error as Error).message);
    }
  },
  same: (value, wanted) => {
    const [a, b] = [value, wanted] as number[][];
    return a.length === b.length && a.every((side, i) => Math.abs(side - b[i]) <= 1e-9 * b[i]);
  },
};
