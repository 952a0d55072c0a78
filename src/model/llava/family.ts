import type { Family } from "../family.ts";
import { reversedLines } from "../mirrored.ts";
import { CAPABILITIES, type LlavaConfig, parseConfig } from "./config.ts";
import { describe } from "./description.ts";
import { canonicalName, layoutOf } from "./layouts.ts";
import { createModel, shapesOf } from "./llava.ts";
import { parsePreprocessing, processorSchema } from "./processor-file.ts";
import { CHAT_TEMPLATE } from "./prompt.ts";
import { llavaSchema, originalSchema, towerSchema } from "./schemas.ts";
import { taps } from "./taps.ts";
import { tensorShapes } from "./tensor-shapes.ts";

/** LLaVA-1.5, as transformers and as the original code write it. */
export const llava: Family<LlavaConfig> = {
  name: "llava",
  recognises: (config) => (config.model_type ?? "llava") === "llava" || "mm_projector_type" in config,
  capabilities: CAPABILITIES,
  parseConfig,
  schemas: (config) => ({
    config: "mm_projector_type" in config ? originalSchema : llavaSchema(config),
    tower: towerSchema,
    processor: processorSchema,
  }),
  describe,
  taps,
  layoutOf,
  canonicalName,
  tensorShapes,
  createModel,
  shapeOf: ({ imageShape }) => imageShape,
  shapesOf,
  mirrored: (_, pixels) => reversedLines(pixels),
  chatTemplate: () => CHAT_TEMPLATE,
  parsePreprocessing,
};
