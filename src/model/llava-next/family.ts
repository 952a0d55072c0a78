import type { Family } from "../family.ts";
import { CAPABILITIES, type LlavaNextConfig, nextSchema, parseConfig } from "./config.ts";
import { describe } from "./description.ts";
import { canonicalName, layoutOf } from "./layouts.ts";
import { createModel, shapesOf } from "./llava-next.ts";
import { mirrored } from "./mirrored.ts";
import { parsePreprocessing, processorSchema } from "./preprocessing.ts";
import { templateFor } from "./prompt.ts";
import { tilingOf } from "./shape.ts";
import { taps } from "./taps.ts";
import { tensorShapes } from "./tensor-shapes.ts";

/** LLaVA-NeXT (LLaVA-1.6) with a Llama decoder, as transformers writes it. */
export const llavaNext: Family<LlavaNextConfig> = {
  name: "llava_next",
  recognises: ({ model_type: type }) => type === "llava_next",
  capabilities: CAPABILITIES,
  parseConfig,
  schemas: (config) => ({ config: nextSchema(config), processor: processorSchema }),
  describe,
  taps,
  layoutOf,
  canonicalName,
  tensorShapes,
  createModel,
  shapeOf: (config, [height, width] = []) => tilingOf({ width, height }, config).shape,
  shapesOf,
  mirrored: (config, pixels, size = []) => mirrored(config, pixels, size),
  chatTemplate: templateFor,
  parsePreprocessing,
};
