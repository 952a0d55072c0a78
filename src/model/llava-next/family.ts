import type { Family } from "../family.ts";
import { CHAT_TEMPLATE } from "../llava/prompt.ts";
import { CAPABILITIES, type LlavaNextConfig, parseConfig } from "./config.ts";
import { canonicalName } from "./layouts.ts";
import { createModel } from "./llava-next.ts";
import { parsePreprocessing } from "./preprocessing.ts";
import { tensorShapes } from "./tensor-shapes.ts";

/** LLaVA-NeXT (LLaVA-1.6) with a Llama decoder, as transformers writes it. */
export const llavaNext: Family<LlavaNextConfig> = {
  name: "llava_next",
  recognises: ({ model_type: type }) => type === "llava_next",
  capabilities: CAPABILITIES,
  parseConfig,
  canonicalName,
  tensorShapes,
  createModel,
  chatTemplate: CHAT_TEMPLATE,
  parsePreprocessing,
};
