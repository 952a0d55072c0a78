import type { Family } from "../family.ts";
import { CAPABILITIES, parseConfig, type QwenConfig } from "./config.ts";
import { canonicalName } from "./layouts.ts";
import { parsePreprocessing } from "./preprocessing.ts";
import { CHAT_TEMPLATE } from "./prompt.ts";
import { createModel } from "./qwen2_5-vl.ts";
import { tensorShapes } from "./tensor-shapes.ts";

/** Qwen2.5-VL, as transformers and the hub write it. */
export const qwen: Family<QwenConfig> = {
  name: "qwen2_5_vl",
  recognises: ({ model_type: type }) => type === "qwen2_5_vl",
  capabilities: CAPABILITIES,
  parseConfig,
  canonicalName,
  tensorShapes,
  createModel,
  chatTemplate: CHAT_TEMPLATE,
  parsePreprocessing,
};
