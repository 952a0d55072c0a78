import { describe, expect, it } from "vitest";
import { familyNamed } from "../../../src/model/families.ts";
import { fieldsOf } from "../../../src/model/fields.ts";
import { parseConfig } from "../../../src/model/llava/config.ts";
import { refusal } from "../../io/scratch.ts";

type Json = Record<string, unknown>;
const configWith = (fields: Json) => ({
  model_type: "llava",
  text_config: {
    model_type: "qwen2",
    num_hidden_layers: 3,
    hidden_size: 64,
    num_attention_heads: 8,
    num_key_value_heads: 8,
    ...fields,
  },
});

/** What transformers' Qwen2Config makes of the same fields (reference-configs.test.ts has what it then says). */
describe("the window of a Qwen2 decoder", () => {
  const [FULL, WINDOW] = ["full_attention", "sliding_attention"];
  const used = { use_sliding_window: true, sliding_window: 6 };
  it.each<[string, Json, readonly boolean[] | undefined]>([
    ["is not used unless asked for", { sliding_window: 1, max_window_layers: 0 }, undefined],
    ["holds from max_window_layers on", { ...used, max_window_layers: 1 }, [false, true, true]],
    ["holds in no layer of a small model by default", used, undefined],
    [
      "holds where layer_types says",
      { ...used, max_window_layers: 0, layer_types: [WINDOW, FULL, WINDOW] },
      [true, false, true],
    ],
    [
      "holds nowhere where layer_types says so",
      { ...used, max_window_layers: 0, layer_types: [FULL, FULL, FULL] },
      undefined,
    ],
    ["may be none", { use_sliding_window: true, sliding_window: null, max_window_layers: 0 }, undefined],
  ])("%s", (_, fields, windowedLayers) => {
    const { text } = parseConfig("config.json", configWith(fields));
    expect(text.windowedLayers).toEqual(windowedLayers);
    expect(text.slidingWindow).toBe(windowedLayers && 6);
  });

  it.each<[Json, string]>([
    [{ use_sliding_window: true, sliding_window: 1 }, "sliding_window"],
    [{ ...used, layer_types: [WINDOW] }, "layer_types"],
    [{ layer_types: [FULL, WINDOW, FULL] }, "layer_types"],
    [{ ...used, layer_types: [FULL, "chunked_attention", FULL] }, "layer_types.1"],
    [{ use_sliding_window: 1 }, "use_sliding_window"],
  ])("is refused under %j", (fields, field) => {
    const line = refusal(() => parseConfig("config.json", configWith(fields)));
    expect(line).toContain(`config.json: field "text_config.${field}": `);
    expect(line).not.toContain("\n");
  });

  it("makes its fields honoured where they have an effect", () => {
    const effects = (fields: Json) => {
      const config = configWith({ sliding_window: 6, max_window_layers: 1, ...fields });
      const found = fieldsOf(config, familyNamed("llava").schemas(config).config);
      return ["sliding_window", "max_window_layers"].map(
        (name) => found.find(({ path }) => path === `text_config.${name}`)?.effect,
      );
    };
    expect(effects({})).toEqual(["none", "none"]);
    expect(effects({ use_sliding_window: true })).toEqual(["honoured", "honoured"]);
    expect(effects({ use_sliding_window: true, layer_types: [FULL, FULL, WINDOW] })).toEqual(["honoured", "none"]);
  });
});
