import { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { only, shown } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import { checkProcessor, DEFAULT_MEAN, DEFAULT_STD, HALF, processorFields } from "../processor-fields.ts";
import { PROCESSOR } from "../unread-fields.ts";
import type { LlavaConfig, VisionConfig } from "./config.ts";
import { type LlavaPreprocessing, llavaPreprocessing } from "./preprocessing.ts";

const kind = z
  .string()
  .regex(
    /^(CLIP|Llava|Siglip)(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/,
    only("CLIPImageProcessor, LlavaImageProcessor and SiglipImageProcessor"),
  )
  .nullish();
const side = z.number().int().positive();
const both = z.object({ height: side, width: side });
/** The fields of transformers' CLIPImageProcessor, LlavaImageProcessor and SiglipImageProcessor that change pixels. */
export const processorSchema = unread(
  z.object({
    ...processorFields,
    image_processor_type: kind,
    feature_extractor_type: kind,
    do_center_crop: z.boolean().nullish(),
    do_pad: z.boolean().nullish(),
    image_aspect_ratio: z.enum(["pad", "square"], only('"pad" and "square"')).nullish(),
    size: z
      .union(
        [side, z.strictObject({ shortest_edge: side }), z.strictObject({ height: side, width: side })],
        only("pixels, or shortest_edge, or height and width"),
      )
      .nullish(),
    crop_size: z.union([side, both], only("pixels, or height and width")).nullish(),
  }),
  PROCESSOR,
);
type Processor = z.infer<typeof processorSchema>;

/**
 * The preprocessing that a processor's file asks for. What it leaves out its class decides, as in transformers: means,
 * sizes, and whether a picture is stretched (SigLIP's) or its centre cropped. Without a class it is CLIP's, for the
 * tower's size.
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
  const { imageSize, patchSize } = vision;
  const written = checkProcessor(where, json, processorSchema);
  requireMeans(where, written, vision);
  const named = className(written);
  const isSiglip = named?.startsWith("Siglip") ?? false;
  const processor = named ? withSizes(written, isSiglip) : written;
  // Processors other than LLaVA's own pad only the smaller pictures of a batch, and SigLIP's knows no aspect ratio.
  const padding = processor.do_pad === true && !/^(CLIP|Siglip)/.test(named ?? "");
  const pads = padImages || padding || (processor.image_aspect_ratio === "pad" && !isSiglip);
  const aspect = pads ? "pad" : stretches(processor, isSiglip) ? "stretch" : "crop";
  const crops = processor.do_center_crop ?? !isSiglip;
  if (aspect === "crop" && !crops)
    throw new NuwaError(
      isSiglip
        ? `${where}: field "size": ${shown(processor.size)} leaves pictures of any width; give height and width.`
        : `${where}: field "do_center_crop": false is not supported, only true, or false where images are padded ` +
            "or stretched.",
    );
  checkSizes(where, processor, imageSize, { crops: aspect !== "stretch" || crops, written });
  const [mean, std] = isSiglip ? [HALF, HALF] : [DEFAULT_MEAN, DEFAULT_STD];
  return llavaPreprocessing({
    imageSize,
    patchSize,
    mean: processor.image_mean ?? mean,
    std: processor.image_std ?? std,
    aspect,
  });
}

type Named = Pick<Processor, "image_processor_type"> & Partial<Pick<Processor, "feature_extractor_type">>;

function className({ image_processor_type: type, feature_extractor_type: former }: Named): string | undefined {
  return type ?? former ?? undefined;
}

/**
 * A SigLIP tower was trained on other means than CLIP's, and a file that names no class does not say which it has.
 *
 * @throws NuwaError when neither the means nor the class are given
 */
export function requireMeans(
  where: string,
  processor: Named & Pick<Processor, "image_mean" | "image_std">,
  { kind }: Pick<VisionConfig, "kind">,
): void {
  if (kind === "clip" || className(processor) || (processor.image_mean && processor.image_std)) return;
  throw new NuwaError(
    `${where}: fields "image_mean" and "image_std": are missing, which a SigLIP tower needs. Give them, or the ` +
      '"image_processor_type" whose defaults they are.',
  );
}

/** The side of pictures that transformers' classes make where a file does not say. */
const DEFAULT_SIDE = 224;

/** The sizes that a class takes where its file gives none. */
function withSizes(processor: Processor, isSiglip: boolean): Processor {
  const size = isSiglip ? { height: DEFAULT_SIDE, width: DEFAULT_SIDE } : { shortest_edge: DEFAULT_SIDE };
  return {
    ...processor,
    size: processor.size ?? size,
    crop_size: processor.crop_size ?? (isSiglip ? undefined : DEFAULT_SIDE),
  };
}

/** Whether each side is scaled by itself: where both are given, or neither by SigLIP's processor. */
function stretches({ size }: Processor, isSiglip: boolean): boolean {
  return size ? typeof size === "object" && "height" in size : isSiglip;
}

function checkSizes(
  path: string,
  { size, crop_size: crop }: Processor,
  [height, width]: readonly [number, number],
  { crops, written }: { readonly crops: boolean; readonly written: Processor },
): void {
  const refuse = (field: "size" | "crop_size", value: unknown): never => {
    const given = written[field] ? shown(value) : `is missing, and the default of its class, ${shown(value)},`;
    throw new NuwaError(
      `${path}: field "${field}": ${given} does not lead to the image_size of config.json, ${height} × ${width}.`,
    );
  };
  if (crop && crops) {
    const [rows, columns] = typeof crop === "number" ? [crop, crop] : [crop.height, crop.width];
    if (rows !== height || columns !== width) refuse("crop_size", crop);
  }
  if (!size) return;
  if (typeof size === "object" && "height" in size) {
    // Both edges given means stretching, which changes nothing once the image is padded to these proportions.
    if (size.height !== height || size.width !== width) refuse("size", size);
  } else {
    const shortest = typeof size === "number" ? size : size.shortest_edge;
    if (shortest !== Math.min(height, width)) refuse("size", size);
  }
}
