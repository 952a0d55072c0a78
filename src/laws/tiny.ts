import * as tf from "@tensorflow/tfjs";
import { initialWeights } from "../model/initialise.ts";
import { parseConfig } from "../model/llava/config.ts";
import type { Llava } from "../model/llava/llava.ts";
import { createModel } from "../model/llava/llava.ts";

/** A model of a few thousand random weights on 4×4 patches of 4 pixels; fields of config.json may be overridden. */
export function tinyModel(
  overrides: { top?: object; vision?: object; text?: object } = {},
  change: (tensors: Map<string, tf.Tensor>) => void = () => undefined,
): Llava {
  const config = parseConfig("tiny", {
    model_type: "llava",
    image_token_index: 3,
    ...overrides.top,
    vision_config: {
      hidden_size: 16,
      intermediate_size: 32,
      num_hidden_layers: 3,
      num_attention_heads: 2,
      image_size: [16, 16],
      patch_size: 4,
      ...overrides.vision,
    },
    text_config: {
      vocab_size: 40,
      hidden_size: 16,
      intermediate_size: 24,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      ...overrides.text,
    },
  });
  const tensors = new Map(
    [...initialWeights(config, 1)].map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])] as const),
  );
  change(tensors);
  return createModel(config, tensors);
}
