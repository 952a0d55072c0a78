import type { Family } from "../family.ts";
import { CAPABILITIES, parseConfig, type QwenConfig } from "./config.ts";
import { describe } from "./description.ts";
import { canonicalName, layoutOf } from "./layouts.ts";
import { mirrored } from "./mirrored.ts";
import { shapeOf } from "./mrope.ts";
import { parsePreprocessing, processorSchema } from "./preprocessing.ts";
import { CHAT_TEMPLATE } from "./prompt.ts";
import { createModel, shapesOf } from "./qwen2_5-vl.ts";
import { qwenSchema } from "./schemas.ts";
import { taps } from "./taps.ts";
import { tensorShapes } from "./tensor-shapes.ts";

/** Qwen2.5-VL, as transformers and the hub write it. */
export const qwen: Family<QwenConfig> = {
  name: "qwen2_5_vl",
  recognises: ({ model_type: type }) => type === "qwen2_5_vl",
  capabilities: CAPABILITIES,
  parseConfig,
  schemas: (config) => ({ config: qwenSchema(config), processor: processorSchema }),
  describe,
  taps,
  layoutOf,
  canonicalName,
  tensorShapes,
  createModel,
  shapeOf({ vision: { spatialMergeSize: merge } }, [, rows, columns] = []) {
    return shapeOf({ rows: rows / merge, columns: columns / merge });
  },
  shapesOf,
  mirrored: (config, pixels, size = []) => mirrored(config, pixels, size),
  chatTemplate: () => CHAT_TEMPLATE,
  parsePreprocessing,
};
