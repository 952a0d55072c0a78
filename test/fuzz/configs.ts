import { readFileSync } from "node:fs";
import fc from "fast-check";
import { z } from "zod";
import { readJson } from "../../src/io/files.ts";
import { familyOf } from "../../src/model/families.ts";
import { CONFIGS } from "../support-families.ts";
import { withDamage, withOtherFields } from "./damage.ts";
import type { Case, Target } from "./target.ts";

const jsonObject = z.record(z.string(), z.unknown());

/** What is compared of a configuration: what the generator draws. */
interface Drawn {
  readonly family: string;
  readonly layers: number;
  readonly hidden: number;
  readonly vocabulary: number;
  readonly imageToken: number;
}

const llava = { ...CONFIGS.llava_next, model_type: "llava", image_grid_pinpoints: undefined };
const families = { llava, llava_next: CONFIGS.llava_next, qwen2_5_vl: CONFIGS.qwen2_5_vl };

const drawn: fc.Arbitrary<[Drawn, object]> = fc
  .record({
    family: fc.constantFrom(...(Object.keys(families) as (keyof typeof families)[])),
    layers: fc.integer({ min: 1, max: 40 }),
    heads: fc.integer({ min: 1, max: 6 }),
    vocabulary: fc.integer({ min: 10, max: 100_000 }),
    imageToken: fc.integer({ min: 4, max: 9 }),
  })
  .map(({ family, layers, heads, vocabulary, imageToken }) => {
    const json = structuredClone(families[family]) as Record<string, unknown>;
    // Heads of 24 channels, whose pairs mrope shares out among its axes.
    const text = {
      ...{ num_hidden_layers: layers, hidden_size: 24 * heads, vocab_size: vocabulary },
      ...{ num_attention_heads: heads, num_key_value_heads: heads, intermediate_size: 24 },
    };
    if (family === "qwen2_5_vl") {
      const mrope = { type: "mrope", mrope_section: [4, 4, 4] };
      Object.assign(json, text, { image_token_id: imageToken, rope_scaling: mrope });
    } else Object.assign(json, { image_token_index: imageToken, text_config: text });
    return [{ family, layers, hidden: 24 * heads, vocabulary, imageToken }, json];
  });

const whole = drawn.map(([wanted, json]): Case => ({ bytes: Buffer.from(JSON.stringify(json)), wanted }));
/** Configurations of the fixtures, in which any value becomes any other. */
const others = withOtherFields(
  fc.oneof(
    drawn.map(([, json]) => json),
    fc
      .constantFrom(...(["wide", "next", "qwen"] as const))
      .map((name) => JSON.parse(readFileSync(new URL(`../fixtures/${name}/config.json`, import.meta.url), "utf8"))),
  ),
).map((json): Case => ({ bytes: Buffer.from(JSON.stringify(json) ?? "") }));

/** config.json, read by its family; the list of tensors that follows from it is made, too. */
export const configs: Target = {
  name: "configs",
  cases: 200,
  inputs: fc.oneof(withDamage(whole, ["{", "[", ":", ",", "null", "0", "9", '"model_type":"llava",', "1e400"]), others),
  read(path): Drawn {
    const json = readJson(path, jsonObject);
    const family = familyOf(path, json);
    const config = family.parseConfig(path, json);
    for (const [name, shape] of family.tensorShapes(config))
      if (shape.some((side) => !(Number.isSafeInteger(side) && side > 0)))
        throw new Error(`${name} has shape [${shape}]`);
    const { numHiddenLayers: layers, hiddenSize: hidden, vocabSize: vocabulary } = config.text;
    return { family: family.name, layers, hidden, vocabulary, imageToken: config.imageTokenId };
  },
};
