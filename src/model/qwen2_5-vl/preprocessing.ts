import { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { type Picture, resizeBicubic, type Size } from "../../core/resample.ts";
import { only } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import type { PreparedImage, Preprocessing } from "../preprocessing.ts";
import { checkProcessor, DEFAULT_MEAN, DEFAULT_STD, normalisation, processorFields } from "../processor-fields.ts";
import { PROCESSOR } from "../unread-fields.ts";
import type { QwenConfig, QwenVisionConfig } from "./config.ts";

const area = z
  .number()
  .int()
  .positive()
  .max(2 ** 28);
/** The fields of transformers' Qwen2VLImageProcessor that change pixels. */
export const processorSchema = unread(
  z.object({
    ...processorFields,
    image_processor_type: z
      .string()
      .regex(/^Qwen2(_5_)?VLImageProcessor(Fast|Pil)?$/, only("Qwen2VLImageProcessor"))
      .nullish(),
    min_pixels: area.nullish(),
    max_pixels: area.nullish(),
    size: z
      .object({
        shortest_edge: area.nullish(),
        longest_edge: area.nullish(),
        min_pixels: area.nullish(),
        max_pixels: area.nullish(),
      })
      .nullish(),
    patch_size: z.number().nullish(),
    merge_size: z.number().nullish(),
    temporal_patch_size: z.number().nullish(),
  }),
  [...PROCESSOR, "do_center_crop", "do_pad"],
);

/** Areas in pixels between which pictures are scaled. */
interface Bounds {
  readonly least: number;
  readonly most: number;
}

/**
 * Qwen2.5-VL's preprocessing from a processor's file.
 *
 * @throws NuwaError naming the file and the field that is not supported or contradicts config.json
 */
export function parsePreprocessing(
  where: string,
  json: Record<string, unknown>,
  { vision }: QwenConfig,
): Preprocessing {
  const processor = checkProcessor(where, json, processorSchema);
  for (const [field, value, wanted] of [
    ["patch_size", processor.patch_size, vision.patchSize],
    ["merge_size", processor.merge_size, vision.spatialMergeSize],
    ["temporal_patch_size", processor.temporal_patch_size, vision.temporalPatchSize],
  ] as const)
    if (value !== undefined && value !== null && value !== wanted)
      throw new NuwaError(`${where}: field "${field}": ${value} differs from ${wanted} in config.json.`);
  // Despite their names, the edges are areas. The first version of the processor wrote them under other names.
  const { size } = processor;
  const bounds = {
    least: processor.min_pixels ?? size?.shortest_edge ?? size?.min_pixels ?? 3136,
    most: processor.max_pixels ?? size?.longest_edge ?? size?.max_pixels ?? 1003520,
  };
  if (bounds.least > bounds.most)
    throw new NuwaError(`${where}: min_pixels ${bounds.least} is more than max_pixels ${bounds.most}. Mend it.`);
  return qwenPreprocessing(vision, bounds, processor.image_mean ?? DEFAULT_MEAN, processor.image_std ?? DEFAULT_STD);
}

function qwenPreprocessing(
  vision: QwenVisionConfig,
  bounds: Bounds,
  mean: readonly number[],
  std: readonly number[],
): Preprocessing {
  const cell = vision.patchSize * vision.spatialMergeSize;
  return {
    summary:
      `stretched to multiples of ${cell} pixels with ${bounds.least} to ${bounds.most} pixels in all, bicubic; ` +
      normalisation(mean, std),
    side: Math.floor(Math.sqrt(bounds.most) / cell) * cell,
    canvasOf: (size) => smartSize(size, cell, bounds),
    prepare(picture): PreparedImage {
      const size = smartSize(picture, cell, bounds);
      const seen = resizeBicubic(picture, size, { left: 0, top: 0, ...size });
      const [rows, columns] = [size.height / vision.patchSize, size.width / vision.patchSize];
      const merge = vision.spatialMergeSize;
      return {
        pictures: [{ ...seen, cellName: `cells of ${merge}×${merge} patches` }],
        pixelValues: patches(seen, vision, mean, std),
        size: [1, rows, columns],
        boxUnit: size,
      };
    },
    // Qwen2.5-VL was trained to write pixels of the scaled picture (arXiv 2502.13923).
    boxUnitOf: (size) => smartSize(size, cell, bounds),
    boxInPicture: (box) => box,
  };
}

/**
 * The size that a picture is stretched to: each side the nearest multiple of a cell (halves to the even one), scaled
 * where the area lies outside its bounds.
 *
 * @see huggingface/transformers, src/transformers/models/qwen2_vl/image_processing_qwen2_vl.py, `smart_resize`
 */
export function smartSize({ width, height }: Size, cell: number, { least, most }: Bounds): Size {
  if (Math.max(width, height) / Math.min(width, height) > 200)
    throw new NuwaError(`a picture of ${width} × ${height} pixels is too narrow: one side may be 200 times the other.`);
  const near = (pixels: number) => cell * halfToEven(pixels / cell);
  const [rounded, area] = [{ width: near(width), height: near(height) }, width * height];
  if (rounded.width * rounded.height > most) {
    const shrink = Math.sqrt(area / most);
    const side = (pixels: number) => Math.max(cell, cell * Math.floor(pixels / shrink / cell));
    return { width: side(width), height: side(height) };
  }
  if (rounded.width * rounded.height < least) {
    const grow = Math.sqrt(least / area);
    const side = (pixels: number) => cell * Math.ceil((pixels * grow) / cell);
    return { width: side(width), height: side(height) };
  }
  return rounded;
}

/** Rounds as Python does. */
function halfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/**
 * Normalised patches as rows: cells in raster order, inside a cell its patches in raster order; a row counts channel,
 * time, y and x.
 */
function patches(
  { width, height, pixels }: Picture,
  { patchSize: side, spatialMergeSize: merge, temporalPatchSize: times }: QwenVisionConfig,
  mean: readonly number[],
  std: readonly number[],
): PreparedImage["pixelValues"] {
  const length = 3 * times * side * side;
  const cell = side * merge;
  const values = new Float32Array((width / side) * (height / side) * length);
  let at = 0;
  for (let top = 0; top < height; top += cell)
    for (let left = 0; left < width; left += cell)
      for (let patch = 0; patch < merge * merge; patch++) {
        const [y0, x0] = [top + Math.floor(patch / merge) * side, left + (patch % merge) * side];
        for (let channel = 0; channel < 3; channel++)
          for (let time = 0; time < times; time++)
            for (let y = y0; y < y0 + side; y++)
              for (let x = x0; x < x0 + side; x++)
                values[at++] = (pixels[(y * width + x) * 3 + channel] / 255 - mean[channel]) / std[channel];
      }
  return { shape: [values.length / length, length], values };
}
