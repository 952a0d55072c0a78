import * as tf from "@tensorflow/tfjs";
import { memoryLeft } from "../../src/backend/memory.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { planMemory, workingBytes } from "../../src/io/weights/plan.ts";
import { familyNamed } from "../../src/model/families.ts";
import type { Family } from "../../src/model/family.ts";
import { type LlavaConfig, parseConfig } from "../../src/model/llava/config.ts";
import type { Vlm, VlmConfig } from "../../src/model/vlm.ts";

/** A model size to measure, in the words of a checkpoint's config.json. */
export interface Shape {
  readonly name: string;
  readonly description: string;
  readonly config: Record<string, unknown>;
}

/** What `npm run bench` measures unless it is told otherwise. Both have 24×24 = 576 patches, as LLaVA-1.5 has. */
export const SHAPES: readonly Shape[] = [
  {
    name: "miniature",
    description: "ViT of 24 layers, 32 wide; LLM of 32 layers, 64 wide, vocabulary 400",
    config: {
      image_token_index: 3,
      vision_config: {
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 24,
        num_attention_heads: 4,
        image_size: 336,
        patch_size: 14,
      },
      text_config: {
        vocab_size: 400,
        hidden_size: 64,
        intermediate_size: 128,
        num_hidden_layers: 32,
        num_attention_heads: 4,
      },
    },
  },
  {
    name: "middle",
    description: "ViT-B/16 at 384 pixels (12 layers, 768 wide); LLM of 12 layers, 768 wide, vocabulary 8000",
    config: {
      image_token_index: 3,
      vision_config: {
        hidden_size: 768,
        intermediate_size: 3072,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        image_size: 384,
        patch_size: 16,
      },
      text_config: {
        vocab_size: 8000,
        hidden_size: 768,
        intermediate_size: 2048,
        num_hidden_layers: 12,
        num_attention_heads: 12,
      },
    },
  },
];

/** A real model's size, 1.4 billion weights: not measured unless named, because it takes 6 GB. */
export const LARGE: Shape = {
  name: "large",
  description: "CLIP-L/336 (24 layers, 1024 wide); TinyLlama-1.1B (22 layers, 2048 wide, vocabulary 32064)",
  config: {
    image_token_index: 3,
    vision_config: {
      hidden_size: 1024,
      intermediate_size: 4096,
      num_hidden_layers: 24,
      num_attention_heads: 16,
      image_size: 336,
      patch_size: 14,
    },
    text_config: {
      vocab_size: 32064,
      hidden_size: 2048,
      intermediate_size: 5632,
      num_hidden_layers: 22,
      num_attention_heads: 32,
      num_key_value_heads: 4,
    },
  },
};

/** One of {@link SHAPES} or {@link LARGE}. @throws NuwaError when there is none of that name */
export function shapeNamed(name: string): Shape {
  const found = [...SHAPES, LARGE].find((shape) => shape.name === name);
  if (!found) throw new NuwaError(`shape "${name}" does not exist.`);
  return found;
}

/** The configuration of a shape. */
export function configOf(shape: Shape): LlavaConfig {
  return parseConfig(`shape ${shape.name}`, shape.config);
}

/** Standard deviation of random weights, transformers' `initializer_range`. */
const SPREAD = 0.02;

/**
 * A model with random weights on the current backend. All tensors read from one pool of normal numbers,
 * each at another place: speed does not depend on the values, and drawing 200 million would take longer
 * than the benchmark.
 */
export function randomModel<Config extends VlmConfig>(config: Config, seed: number): Vlm<Config> {
  const random = randomFrom(seed);
  const pool = Float32Array.from({ length: 2 ** 20 + 7 }, () => SPREAD * normal(random));
  let next = 0;
  const draw = (count: number) => {
    const values = new Float32Array(count);
    for (let at = 0; at < count; ) {
      const part = pool.subarray(next, next + count - at);
      values.set(part, at);
      at += part.length;
      next = (next + part.length) % pool.length;
    }
    return values;
  };
  const tensors = new Map<string, tf.Tensor>();
  const family = familyNamed(config.family) as unknown as Family<Config>;
  for (const [name, shape] of family.tensorShapes(config)) {
    const isNormScale = shape.length === 1 && name.endsWith(".weight");
    const count = tf.util.sizeFromShape([...shape]);
    tensors.set(name, tf.tensor(isNormScale ? new Float32Array(count).fill(1) : draw(count), [...shape]));
  }
  return family.createModel(config, tensors);
}

/**
 * Refuses a shape whose weights do not fit into memory, before any is drawn.
 *
 * @param tokens of a prompt, about
 * @throws NuwaError
 */
export function requireRoom({ name }: { readonly name: string }, config: VlmConfig, tokens: number): void {
  const shapes = (familyNamed(config.family) as unknown as Family).tensorShapes(config);
  const weights = [...shapes].map(([weight, shape]) => ({ name: weight, shape, bytes: 0 }));
  const bounds = { ...memoryLeft(), working: workingBytes(config.text, tokens, weights) };
  const { streamed, rows } = planMemory(`shape ${name}`, tf.getBackend(), weights, false, bounds);
  if (streamed.length > 0 || rows)
    throw new NuwaError(`shape ${name}: its weights do not fit into memory as float32. Choose a smaller one.`);
}

/** How many weights a model has, or the part of it whose names begin with a prefix. */
export function countParameters(model: Pick<Vlm, "tensors">, prefix = ""): number {
  return [...model.tensors].filter(([name]) => name.startsWith(prefix)).reduce((sum, [, { size }]) => sum + size, 0);
}
