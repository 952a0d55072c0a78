import { tensorShapes as llavaShapes } from "../llava/tensor-shapes.ts";
import type { LlavaNextConfig } from "./config.ts";

/** Every tensor that a configuration needs, with its shape on disk: LLaVA-1.5's, and the newline. */
export function tensorShapes(config: LlavaNextConfig): ReadonlyMap<string, readonly number[]> {
  return new Map([...llavaShapes(config), ["image_newline", [config.text.hiddenSize]]]);
}
