import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { float16ToFloat32, float32ToFloat16 } from "../../src/io/half-floats.ts";
import type { TrainObserver, TrainOptions } from "../../src/train/engine/loop.ts";
import { RECIPES, type Recipe } from "../../src/train/shapes/recipe.ts";

/** A recipe of a few steps of a model as small as can be. */
export const MICRO: Recipe = {
  ...RECIPES.shapes,
  name: "micro",
  model: {
    vision: {
      hidden_size: 16,
      intermediate_size: 32,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      image_size: 32,
      patch_size: 8,
    },
    text: { hidden_size: 16, intermediate_size: 32, num_hidden_layers: 2, num_attention_heads: 2 },
  },
  vision: { steps: 3, batch: 2, warmup: 2, peak: 1e-3, floor: 0.1, validateEvery: 3, validateOn: 2, unnamed: 0.5 },
  language: {
    ...RECIPES.shapes.language,
    steps: 3,
    batch: 2,
    warmup: 2,
    validateEvery: 3,
    validateOn: 1,
    questions: 3,
    pointingLayers: [1],
  },
};

/** The same of the family of Qwen2.5-VL: 8 × 8 patches, 4 × 4 visual tokens. */
export const MICRO_QWEN: Recipe = {
  ...MICRO,
  name: "micro-qwen",
  model: {
    family: "qwen2_5_vl",
    vision: {
      depth: 2,
      hidden_size: 16,
      intermediate_size: 32,
      num_heads: 2,
      patch_size: 12,
      window_size: 48,
      fullatt_block_indexes: [1],
    },
    text: {
      hidden_size: 24,
      intermediate_size: 32,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 2,
      rope_theta: 20,
      rope_scaling: { type: "mrope", mrope_section: [2, 2, 2] },
    },
  },
  language: { ...MICRO.language, coordinatesWeight: 0 },
};

/** The same with a third stage that adds two layers. */
export const MICRO_DEEP: Recipe = {
  ...MICRO,
  name: "micro-deep",
  growth: { ...MICRO.language, layers: 4 },
};

/** Watches nothing. */
export const SILENT: TrainObserver = { step: () => undefined, figures: () => undefined, saved: () => undefined };

/** Runs `work` with a fresh folder, which is removed afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "nuwa-train-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How the tests run a training: in silence, never saving but at the end. */
export const options = (folder: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
  folder,
  resume: false,
  saveEvery: 1e9,
  stopped: () => false,
  observer: SILENT,
  ...more,
});

/** Weights as a checkpoint in float16 has them. */
export function inHalves(weights: Float32Array): Float32Array {
  return float16ToFloat32(float32ToFloat16(weights));
}
