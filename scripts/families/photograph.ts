import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { Grid } from "../../src/core/grid.ts";
import type { Picture } from "../../src/core/resample.ts";
import type { PruningSize } from "../../src/methods/method.ts";
import { type ImageShape, unprunedTokens } from "../../src/model/image-shape.ts";
import { llava } from "../../src/model/llava/family.ts";
import type { LlavaNextConfig } from "../../src/model/llava-next/config.ts";
import { llavaNext } from "../../src/model/llava-next/family.ts";
import { type Tiling, tilingOf } from "../../src/model/llava-next/shape.ts";
import type { PreparedImage } from "../../src/model/preprocessing.ts";
import { DEFAULT_MEAN, DEFAULT_STD } from "../../src/model/processor-fields.ts";
import type { QwenConfig } from "../../src/model/qwen2_5-vl/config.ts";
import { qwen } from "../../src/model/qwen2_5-vl/family.ts";
import { shapeOf } from "../../src/model/qwen2_5-vl/mrope.ts";
import type { VlmConfig } from "../../src/model/vlm.ts";

/** The photograph of the page, which is not square. */
const PHOTOGRAPH = fileURLToPath(new URL("../../docs/images/chelsea.png", import.meta.url));

/** What a family makes of the photograph. */
export interface Seen<Config extends VlmConfig = VlmConfig> {
  /** As the page calls the family. */
  readonly title: string;
  readonly config: Config;
  readonly prepared: PreparedImage;
  readonly shape: ImageShape;
  /** Text tokens in front of the image in the usual prompt (s). */
  readonly start: number;
}

/** The photograph in the three families. */
export interface AllSeen {
  readonly photograph: Picture;
  readonly llava: Seen;
  readonly next: Seen<LlavaNextConfig> & { readonly tiling: Tiling };
  readonly qwen: Seen<QwenConfig>;
}

/** Tokens of vicuna's system prompt and "USER: " in front of the image, in LLaVA-1.5 and in LLaVA-NeXT. */
const VICUNA_START = 35;
/** Tokens of Qwen's system prompt, "<|im_start|>user\n" and "<|vision_start|>". */
const QWEN_START = 15;

/** config.json of Qwen2.5-VL-7B: what transformers would not fill in. */
const QWEN_7B = {
  model_type: "qwen2_5_vl",
  hidden_size: 3584,
  intermediate_size: 18944,
  num_hidden_layers: 28,
  num_attention_heads: 28,
  num_key_value_heads: 4,
  rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] },
  vision_config: { hidden_size: 1280 },
};

/** The photograph as each family's own preprocessing and shape make it, at the sizes of the published checkpoints. */
export async function seeAll(): Promise<AllSeen> {
  const photograph = await readPicture(PHOTOGRAPH);
  const llavaConfig = llava.parseConfig("LLaVA-1.5", { model_type: "llava" });
  const nextConfig = llavaNext.parseConfig("LLaVA-NeXT", { model_type: "llava_next" });
  const qwenConfig = qwen.parseConfig("Qwen2.5-VL", QWEN_7B);
  // The original LLaVA-1.5 pads; the area bounds are those of Qwen's files on the hub.
  const padding = llava.parsePreprocessing("LLaVA-1.5", { image_aspect_ratio: "pad" }, llavaConfig);
  const tiles = llavaNext.parsePreprocessing("LLaVA-NeXT", {}, nextConfig);
  const bounded = qwen.parsePreprocessing("Qwen2.5-VL", { min_pixels: 3136, max_pixels: 12845056 }, qwenConfig);
  const tiling = tilingOf(photograph, nextConfig);
  const stretched = bounded.prepare(photograph);
  return {
    photograph,
    llava: {
      title: "LLaVA-1.5",
      config: llavaConfig,
      prepared: padding.prepare(photograph),
      shape: llavaConfig.imageShape,
      start: VICUNA_START,
    },
    next: {
      title: "LLaVA-NeXT",
      config: nextConfig,
      prepared: tiles.prepare(photograph),
      shape: tiling.shape,
      tiling,
      start: VICUNA_START,
    },
    qwen: {
      title: "Qwen2.5-VL",
      config: qwenConfig,
      prepared: stretched,
      shape: shapeOf(cellsOf(stretched, qwenConfig)),
      start: QWEN_START,
    },
  };
}

/** Cells of the grid of a picture that Qwen2.5-VL's preprocessing has made. */
function cellsOf({ size = [] }: PreparedImage, { vision }: QwenConfig): Grid {
  const [, rows, columns] = size;
  return { rows: rows / vision.spatialMergeSize, columns: columns / vision.spatialMergeSize };
}

/** What a budget depends on. */
export function sizeOf({ config, shape }: Pick<Seen, "config" | "shape">): PruningSize {
  const { grids, tiles } = shape;
  return { ...config.facts, family: config.family, grids, tiles, total: unprunedTokens(shape) };
}

/** The tiles behind the first one, side by side as they were cut, from the pixel values that the tower gets. */
export function stitchedTiles({ prepared, tiling }: AllSeen["next"], tiles = tiling.tiles): Picture {
  const { shape, values } = prepared.pixelValues;
  const side = shape[2];
  const [width, height] = [tiles.columns * side, tiles.rows * side];
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const tile = 1 + Math.floor(y / side) * tiles.columns + Math.floor(x / side);
      for (let channel = 0; channel < 3; channel++) {
        const value = values[((tile * 3 + channel) * side + (y % side)) * side + (x % side)];
        pixels[(y * width + x) * 3 + channel] = Math.round(
          (value * DEFAULT_STD[channel] + DEFAULT_MEAN[channel]) * 255,
        );
      }
    }
  return { width, height, pixels };
}

async function readPicture(path: string): Promise<Picture> {
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: data };
}
