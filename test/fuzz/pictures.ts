import fc from "fast-check";
import { preprocess } from "../../src/io/image.ts";
import { llavaPreprocessing } from "../../src/model/llava/preprocessing.ts";
import type { PreparedImage, Preprocessing } from "../../src/model/preprocessing.ts";
import { withDamage } from "./damage.ts";
import { type Drawn, gif, jpeg, png, portable, tiff, webp } from "./picture-encoders.ts";
import type { Case, Target } from "./target.ts";

const drawn: fc.Arbitrary<Drawn> = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: 3 * width * height, maxLength: 3 * width * height })
      .map((pixels) => ({ width, height, pixels })),
  );

const FORMATS: readonly ((picture: Drawn, filters: readonly number[]) => Buffer)[] = [
  (picture, filters) => png(picture, false, filters),
  (picture, filters) => png(picture, true, filters),
  (picture) => tiff(picture, false),
  (picture) => tiff(picture, true),
  (picture, [first]) => gif(picture, first === 0, false),
  (picture, [first]) => gif(picture, first === 0, true),
  (picture) => webp(picture),
];
/** Levels stay in one piece: a damaged size may ask for more of them than a list can hold, which ends the process. */
const valuesOf = ({ width, height, pixels }: Drawn) => [width, height, Buffer.from(pixels)];

const exact = fc
  .tuple(drawn, fc.constantFrom(...FORMATS), fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }))
  .map(([picture, format, filters]): Case => ({ bytes: format(picture, filters), wanted: valuesOf(picture) }));
const blocks = drawn.map((picture): Case => {
  const { bytes, held } = jpeg(picture);
  return { bytes, wanted: valuesOf(held) };
});
/** Formats that are refused as such. */
const refusable = drawn.map((picture): Case => ({ bytes: portable(picture) }));

const usual = llavaPreprocessing({ imageSize: [8, 8], mean: [0, 0, 0], std: [1, 1, 1], aspect: "crop" });
/** Gives the decoded picture as it is. */
const asDecoded: Preprocessing = {
  ...usual,
  canvasOf: (size) => size,
  prepare: (picture) => ({ pictures: [{ ...picture, cellName: "pixels" }] }) as unknown as PreparedImage,
};

/** Files of pixels. */
export const pictures: Target = {
  name: "pictures",
  cases: 120,
  inputs: withDamage(fc.oneof({ arbitrary: exact, weight: 6 }, blocks, refusable), [
    "IHDR",
    "IDAT",
    "PLTE",
    "II*\0",
    "GIF89a",
    "BM",
    "\xff\xd8\xff",
    "RIFF",
    "VP8L",
    "\0\0\0\0",
  ]),
  async read(path) {
    const { width, height, pixels } = (await preprocess(path, asDecoded)).pictures[0];
    if (pixels.length !== 3 * width * height) throw new Error(`has ${pixels.length} levels for ${width} × ${height}`);
    return valuesOf({ width, height, pixels });
  },
};
