import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { normal, randomFrom } from "../src/core/random-numbers.ts";
import type { Picture } from "../src/core/resample.ts";
import { writeSafetensors } from "../src/io/safetensors.ts";
import { familyNamed } from "../src/model/families.ts";
import { initialWeights } from "../src/model/initialise.ts";
import type { PreparedImage, Preprocessing } from "../src/model/preprocessing.ts";
import type { Vlm } from "../src/model/vlm.ts";
import { fixturePath } from "./support.ts";

/** The placeholder of an image in the tiny models. */
export const IMAGE = 3;

/** config.json of tiny models of the families whose images differ in shape. */
export const CONFIGS = {
  llava_next: {
    model_type: "llava_next",
    image_token_index: IMAGE,
    image_grid_pinpoints: [
      [16, 32],
      [32, 16],
      [32, 32],
      [48, 16],
    ],
    vision_config: {
      hidden_size: 16,
      intermediate_size: 32,
      num_hidden_layers: 3,
      num_attention_heads: 2,
      image_size: 16,
      patch_size: 4,
    },
    text_config: {
      vocab_size: 40,
      hidden_size: 16,
      intermediate_size: 24,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      num_key_value_heads: 2,
    },
  },
  qwen2_5_vl: {
    model_type: "qwen2_5_vl",
    image_token_id: IMAGE,
    vision_config: {
      depth: 4,
      hidden_size: 16,
      intermediate_size: 24,
      num_heads: 2,
      patch_size: 4,
      window_size: 16,
      fullatt_block_indexes: [1, 3],
    },
    eos_token_id: 2,
    vocab_size: 40,
    hidden_size: 24,
    intermediate_size: 24,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    tie_word_embeddings: true,
    rope_scaling: { type: "mrope", mrope_section: [1, 1, 1] },
  },
} as const;

/** preprocessor_config.json of the tiny models. */
export const PIXELS = { llava_next: {}, qwen2_5_vl: { min_pixels: 64, max_pixels: 2304 } };

/** A tiny model of a family, with its preprocessing. */
export function tinyFamily(name: keyof typeof CONFIGS): { model: Vlm; preprocessing: Preprocessing } {
  const family = familyNamed(name);
  const config = family.parseConfig("tiny", CONFIGS[name]);
  const tensors = new Map<string, tf.Tensor>();
  for (const [weight, { shape, values }] of initialWeights(config, 1))
    tensors.set(weight, tf.tensor(values, [...shape]));
  return {
    model: family.createModel(config, tensors),
    preprocessing: family.parsePreprocessing("tiny", PIXELS[name], config),
  };
}

/**
 * Writes a tiny model of a family as a checkpoint folder, with the tokenizer of the fixtures, which has 400 tokens, and
 * no chat template.
 *
 * @param directory a new folder
 */
export function writeTinyFamily(name: keyof typeof CONFIGS, directory: string): void {
  mkdirSync(directory);
  cpSync(fixturePath("tokenizer", "tokenizer.json"), join(directory, "tokenizer.json"));
  const own = CONFIGS[name];
  const json = {
    ...own,
    ...("text_config" in own
      ? { image_token_index: 398, text_config: { ...own.text_config, vocab_size: 400 } }
      : { image_token_id: 398, vocab_size: 400 }),
  };
  const config = familyNamed(name).parseConfig("tiny", json);
  writeFileSync(join(directory, "config.json"), JSON.stringify(json));
  writeFileSync(join(directory, "preprocessor_config.json"), JSON.stringify(PIXELS[name]));
  writeSafetensors(join(directory, "model.safetensors"), [...initialWeights(config, 1)]);
}

/** A picture of noise. */
export function noise(width: number, height: number, seed = 1): Picture {
  const random = randomFrom(seed);
  const pixels = Uint8Array.from({ length: width * height * 3 }, () => 128 + 40 * normal(random));
  return { width, height, pixels };
}

/** Pictures of noise as a family prepares them. */
export function preparedNoise(
  preprocessing: Preprocessing,
  sizes: readonly (readonly [number, number])[],
): PreparedImage[] {
  return sizes.map(([width, height], i) => preprocessing.prepare(noise(width, height, i + 1)));
}
