import { describe, expect, it } from "vitest";
import { initialWeights } from "../../src/model/initialise.ts";
import { parseConfig } from "../../src/model/llava/config.ts";

const config = parseConfig("x", {
  vision_config: {
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    image_size: 16,
    patch_size: 8,
  },
  text_config: {
    vocab_size: 64,
    hidden_size: 32,
    intermediate_size: 256,
    num_hidden_layers: 1,
    num_attention_heads: 2,
  },
});
const values = (seed: number, name: string) => initialWeights(config, seed).get(name)?.values as Float32Array;
const DOWN = "language_model.model.layers.0.mlp.down_proj.weight";

describe("initial weights", () => {
  it("are the same for the same seed and others for another", () => {
    expect(values(5, DOWN)).toEqual(values(5, DOWN));
    expect(values(5, DOWN)).not.toEqual(values(6, DOWN));
  });

  it("are as wide as 1/√(inputs), with norms at one and biases at zero", () => {
    const down = values(5, DOWN); // 256 inputs
    const width = Math.sqrt(down.reduce((sum, v) => sum + v * v, 0) / down.length);
    expect(width * Math.sqrt(256)).toBeCloseTo(1, 1);
    expect([...values(5, "language_model.model.norm.weight")]).toEqual(new Array(32).fill(1));
    expect([...values(5, "multi_modal_projector.linear_1.bias")]).toEqual(new Array(32).fill(0));
  });
});
