import { z } from "zod";
import { FRACTIONS } from "../../core/boxes.ts";
import { NuwaError } from "../../core/errors.ts";
import { type Colour, type Picture, resizeBicubic, type Size } from "../../core/resample.ts";
import { only, shown } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import { centred, normalise, pixelsInPatches } from "../llava/preprocessing.ts";
import { requireMeans } from "../llava/processor-file.ts";
import type { PreparedImage, Preprocessing } from "../preprocessing.ts";
import { checkProcessor, DEFAULT_MEAN, DEFAULT_STD, normalisation, processorFields } from "../processor-fields.ts";
import { PROCESSOR } from "../unread-fields.ts";
import type { LlavaNextConfig } from "./config.ts";
import { bestResolution, scaledInto } from "./resolution.ts";
import { tilingOf } from "./shape.ts";

const edge = z.number().int().positive();
const square = z
  .union(
    [edge, z.object({ shortest_edge: edge }), z.object({ height: edge, width: edge })],
    only("pixels, or shortest_edge, or height and width"),
  )
  .nullish();
const { do_resize: _, ...tileFields } = processorFields;
/** The fields of transformers' LlavaNextImageProcessor; tiles have their size already where it resizes and crops. */
export const processorSchema = unread(
  z.object({
    ...tileFields,
    image_processor_type: z
      .string()
      .regex(/^LlavaNextImageProcessor(Fast|Pil)?$/, only("LlavaNextImageProcessor"))
      .nullish(),
    image_grid_pinpoints: z.array(z.tuple([z.number(), z.number()])).nullish(),
    size: square,
    crop_size: square,
  }),
  [...PROCESSOR, "do_center_crop", "do_pad", "do_resize"],
);

/**
 * LLaVA-NeXT's preprocessing from a processor's file.
 *
 * @throws NuwaError naming the file and the field that is not supported or contradicts config.json
 */
export function parsePreprocessing(
  where: string,
  json: Record<string, unknown>,
  config: LlavaNextConfig,
): Preprocessing {
  const processor = checkProcessor(where, json, processorSchema);
  const pinpoints = processor.image_grid_pinpoints;
  if (pinpoints && JSON.stringify(pinpoints) !== JSON.stringify(config.pinpoints))
    throw new NuwaError(
      `${where}: field "image_grid_pinpoints": ${shown(pinpoints)} differs from that of config.json, ` +
        `${shown(config.pinpoints)}.`,
    );
  const [tile] = config.vision.imageSize;
  for (const field of ["size", "crop_size"] as const) {
    const value = processor[field];
    const sides = typeof value === "number" ? [value] : Object.values(value ?? {});
    if (sides.some((pixels) => pixels !== tile))
      throw new NuwaError(
        `${where}: field "${field}": ${shown(value)} differs from the tiles of config.json, ${tile}.`,
      );
  }
  requireMeans(where, processor, config.vision);
  return llavaNextPreprocessing(config, processor.image_mean ?? DEFAULT_MEAN, processor.image_std ?? DEFAULT_STD);
}

/**
 * Tiles of a picture: the whole of it stretched to one tile, then, scaled into the best resolution and padded with
 * black, cut row by row.
 */
function llavaNextPreprocessing(
  { vision, pinpoints }: LlavaNextConfig,
  mean: readonly [number, number, number],
  std: readonly [number, number, number],
): Preprocessing {
  const [side] = vision.imageSize;
  return {
    summary:
      `stretched to a base tile of ${side}×${side}; scaled into the best resolution, padded with black and cut into ` +
      `tiles, bicubic; ${normalisation(mean, std)}`,
    side: Math.max(...pinpoints.flat()),
    canvasOf: (size) => bestResolution(size, pinpoints),
    prepare(picture): PreparedImage {
      const resolution = bestResolution(picture, pinpoints);
      const base = stretched(picture, { width: side, height: side });
      const scaled = stretched(picture, scaledInto(picture, resolution));
      const canvas = paddedPicture(scaled, resolution, [0, 0, 0]);
      const tiles = [base, ...tilesOf(canvas, side)];
      const area = 3 * side * side;
      const values = new Float32Array(tiles.length * area);
      tiles.forEach((tile, i) => {
        values.set(normalise(tile, { mean, std }), i * area);
      });
      return {
        pictures: [
          { ...base, gridName: "base image", cellName: "patches", inCells: pixelsInPatches(base, vision.patchSize) },
          { ...scaled, gridName: "local tiles", cellName: "patches" },
        ].slice(0, tilingOf(picture, { vision, pinpoints }).shape.grids.length), // one too narrow has no local grid
        pixelValues: { shape: [tiles.length, 3, side, side], values },
        size: [picture.height, picture.width],
        boxUnit: FRACTIONS,
      };
    },
    boxUnitOf: () => FRACTIONS,
    boxInPicture: (box) => box,
  };
}

function stretched(picture: Picture, size: Size): Picture {
  return resizeBicubic(picture, size, { left: 0, top: 0, ...size });
}

/** The picture in the middle of a larger canvas of one colour; an odd pixel is left to the right and below. */
function paddedPicture(picture: Picture, canvas: Size, colour: Colour): Picture {
  const { left, top } = centred(picture, canvas);
  const pixels = new Uint8Array(canvas.width * canvas.height * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colour[i % 3];
  for (let row = 0; row < picture.height; row++) {
    const line = picture.pixels.subarray(row * picture.width * 3, (row + 1) * picture.width * 3);
    pixels.set(line, ((top + row) * canvas.width + left) * 3);
  }
  return { ...canvas, pixels };
}

/** Square parts, row by row. */
function tilesOf({ width, height, pixels }: Picture, side: number): Picture[] {
  const tiles: Picture[] = [];
  for (let top = 0; top < height; top += side)
    for (let left = 0; left < width; left += side) {
      const own = new Uint8Array(side * side * 3);
      for (let row = 0; row < side; row++) {
        const from = ((top + row) * width + left) * 3;
        own.set(pixels.subarray(from, from + side * 3), row * side * 3);
      }
      tiles.push({ width: side, height: side, pixels: own });
    }
  return tiles;
}
