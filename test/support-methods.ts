import { takesAverage } from "../src/methods/method.ts";
import { methodNamed } from "../src/methods/registry.ts";
import { type LlavaConfig, parseConfig } from "../src/model/llava/config.ts";

/** A request for a share of all visual tokens, for methods of the registry that can be asked for one. */
export function askedFor(name: string, ratio: number): { average?: { ratio: number } } {
  return takesAverage(methodNamed(name)) ? { average: { ratio } } : {};
}

/** The configuration of a model of one width, with grids of `side` times `side` patches. */
export function configOf(side: number, layers: number): LlavaConfig {
  return parseConfig("made up", {
    vision_config: {
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: 4,
      num_attention_heads: 1,
      image_size: 8 * side,
      patch_size: 8,
    },
    text_config: {
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: layers,
      num_attention_heads: 1,
      vocab_size: 8,
    },
  });
}
