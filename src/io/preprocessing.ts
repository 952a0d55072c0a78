import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { familyNamed } from "../model/families.ts";
import type { Preprocessing } from "../model/preprocessing.ts";
import type { VlmConfig } from "../model/vlm.ts";
import { readJson } from "./files.ts";

const jsonObject = z.record(z.string(), z.unknown());

/**
 * The preprocessing that a checkpoint folder asks for: from `processor_config.json` (transformers 5), else
 * `preprocessor_config.json`, there or in the `vision_tower/` of original LLaVA, else the family's own.
 *
 * @param config of the model, which the files must not contradict
 * @throws NuwaError naming the file and the field that is not supported
 */
export function preprocessingOf(directory: string, config: VlmConfig): Preprocessing {
  const { path, json } = readProcessor(directory);
  return familyNamed(config.family).parsePreprocessing(path, json, config);
}

/** The file that describes a folder's image processor, and its content; `{}` where there is none. */
export function readProcessor(directory: string): { path: string; json: Record<string, unknown> } {
  const nested = join(directory, "processor_config.json");
  if (existsSync(nested)) {
    const json = readJson(nested, jsonObject);
    if (json.image_processor !== undefined && json.image_processor !== null) return { path: nested, json };
  }
  const folders = [directory, join(directory, "vision_tower")];
  const path = folders.map((folder) => join(folder, "preprocessor_config.json")).find((file) => existsSync(file));
  return path ? { path, json: readJson(path, jsonObject) } : { path: nested, json: {} };
}
