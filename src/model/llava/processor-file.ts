import { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { only, shown } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import { checkProcessor, DEFAULT_MEAN, DEFAULT_STD, processorFields } from "../processor-fields.ts";
import { PROCESSOR } from "../unread-fields.ts";
import type { LlavaConfig } from "./config.ts";
import { type LlavaPreprocessing, llavaPreprocessing } from "./preprocessing.ts";

const kind = z
  .string()
  .regex(
    /^(CLIP|Llava)(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/,
    only("CLIPImageProcessor and LlavaImageProcessor"),
  )
  .nullish();
const side = z.number().int().positive();
const both = z.object({ height: side, width: side });
/** The fields of transformers' CLIPImageProcessor and LlavaImageProcessor that change pixels. */
export const processorSchema = unread(
  z.object({
    ...processorFields,
    image_processor_type: kind,
    feature_extractor_type: kind,
    do_center_crop: z.boolean().nullish(),
    do_pad: z.boolean().nullish(),
    image_aspect_ratio: z.enum(["pad", "square"], only('"pad" and "square"')).nullish(),
    size: z
      .union([side, z.object({ shortest_edge: side }), both], only("pixels, or shortest_edge, or height and width"))
      .nullish(),
    crop_size: z.union([side, both], only("pixels, or height and width")).nullish(),
  }),
  PROCESSOR,
);
type Processor = z.infer<typeof processorSchema>;

/**
 * The preprocessing that a processor's file asks for; CLIP's where it says nothing.
 *
 * @param where the path of the file, for errors
 * @param json its content
 * @throws NuwaError naming the file and the field that is not supported or contradicts config.json
 */
export function parsePreprocessing(
  where: string,
  json: Record<string, unknown>,
  { vision, padImages }: Pick<LlavaConfig, "vision" | "padImages">,
): LlavaPreprocessing {
  const { imageSize } = vision;
  const processor = checkProcessor(where, json, processorSchema);
  // CLIP's means are not SigLIP's, and transformers has no default for a tower.
  if (vision.kind === "siglip" && !(processor.image_mean && processor.image_std))
    throw new NuwaError(`${where}: fields "image_mean" and "image_std": are missing, which a SigLIP tower needs.`);
  // CLIP's own processor pads only the smaller pictures of a batch.
  const padding = processor.do_pad === true && !/^CLIP/.test(processor.image_processor_type ?? "");
  const pad = padImages || padding || processor.image_aspect_ratio === "pad";
  if (processor.do_center_crop === false && !pad)
    throw new NuwaError(
      `${where}: field "do_center_crop": false is not supported, only true, or false where images are padded.`,
    );
  checkSizes(where, processor, imageSize, pad);
  return llavaPreprocessing({
    imageSize,
    mean: processor.image_mean ?? DEFAULT_MEAN,
    std: processor.image_std ?? DEFAULT_STD,
    aspect: pad ? "pad" : "crop",
  });
}

function checkSizes(
  path: string,
  { size, crop_size: crop }: Processor,
  [height, width]: readonly [number, number],
  pad: boolean,
): void {
  const refuse = (field: string, value: unknown): never => {
    throw new NuwaError(
      `${path}: field "${field}": ${shown(value)} does not lead to the image_size of config.json, ` +
        `${height} × ${width}.`,
    );
  };
  if (crop) {
    const [rows, columns] = typeof crop === "number" ? [crop, crop] : [crop.height, crop.width];
    if (rows !== height || columns !== width) refuse("crop_size", crop);
  }
  if (!size) return;
  if (typeof size === "object" && "height" in size) {
    // Both edges given means stretching, which changes nothing once the image is padded to these proportions.
    if (!pad)
      throw new NuwaError(
        `${path}: field "size": ${shown(size)} stretches the image, which is not supported, only shortest_edge.`,
      );
    if (size.height !== height || size.width !== width) refuse("size", size);
  } else {
    const shortest = typeof size === "number" ? size : size.shortest_edge;
    if (shortest !== Math.min(height, width)) refuse("size", size);
  }
}
