import type { LlavaConfig } from "../../model/llava/config.ts";
import type { QwenConfig } from "../../model/qwen2_5-vl/config.ts";
import { qwen } from "../../model/qwen2_5-vl/family.ts";
import type { VlmConfig } from "../../model/vlm.ts";
import { llavaMiniature } from "./llava-miniature.ts";
import type { Miniature } from "./miniature.ts";
import { qwenMiniature } from "./qwen-miniature.ts";

/** The miniature that a configuration is of. */
export function miniatureOf(config: VlmConfig): Miniature {
  return config.family === qwen.name ? qwenMiniature(config as QwenConfig) : llavaMiniature(config as LlavaConfig);
}
