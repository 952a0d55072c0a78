import { describe, expect, it } from "vitest";
import { createMethod, METHOD_NAMES, ownPositions } from "../../src/methods/registry.ts";
import { parseConfig } from "../../src/model/config.ts";

const config = parseConfig("registry", {
  vision_config: {
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 4,
    num_attention_heads: 1,
    image_size: 96,
    patch_size: 8,
  },
  text_config: { hidden_size: 8, intermediate_size: 8, num_hidden_layers: 8, num_attention_heads: 1, vocab_size: 8 },
});

describe("the registry", () => {
  it.each(METHOD_NAMES)("knows which ids %s gives when none are asked for", (name) => {
    expect(createMethod(name, config).positions).toBe(ownPositions(name));
    expect(createMethod(name, config, { positions: "rpme" }).positions).toBe("rpme");
  });

  it("refuses names that do not exist", () => {
    expect(() => createMethod("constructor", config)).toThrow(
      /method "constructor" does not exist\. There are: none, nuwa/,
    );
    expect(() => createMethod("nuwa", config, { positions: "sideways" as never })).toThrow(/positions "sideways"/);
  });
});
