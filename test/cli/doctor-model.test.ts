import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { familyNamed } from "../../src/model/families.ts";
import { fixturePath } from "../support.ts";
import { CONFIGS } from "../support-families.ts";
import { copyOf, editJson, nuwa, type Outcome, temporaryFolder } from "./support.ts";

type Json = Record<string, unknown>;

/** A folder with a tiny checkpoint of a family, all weights 0. */
function folderOf(name: keyof typeof CONFIGS, files: Record<string, Json> = {}): string {
  const folder = temporaryFolder();
  const family = familyNamed(name);
  const shapes = family.tensorShapes(family.parseConfig("tiny", CONFIGS[name]));
  const zeros = [...shapes].map(([weight, shape]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    return [weight, { shape, values: new Float32Array(size) }] as const;
  });
  writeSafetensors(join(folder, "model.safetensors"), zeros);
  for (const [file, json] of Object.entries({ "config.json": CONFIGS[name], ...files }))
    writeFileSync(join(folder, file), JSON.stringify(json));
  return folder;
}

/** The fields that a run lists under a label, less the first line, which counts them. */
function listed({ out }: Outcome, label: string): string[] {
  const lines = out.split("\n");
  const start = lines.findIndex((line) => line.startsWith(label));
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => !line.startsWith(" "));
  return rest.slice(0, end).map((line) => line.trim());
}

/** Every field of a JSON file by its path. */
function paths(json: Json, prefix = ""): string[] {
  return Object.entries(json).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? paths(value as Json, `${prefix}${name}.`)
      : [prefix + name],
  );
}

describe("nuwa doctor --model", () => {
  it("says that a repetition penalty is applied, and nothing of one that changes nothing", async () => {
    const said = async (repetition_penalty: number) =>
      (await nuwa("doctor", "--model", folderOf("qwen2_5_vl", { "generation_config.json": { repetition_penalty } })))
        .out;
    expect(await said(1.05)).toMatch(/^decoding +with repetition_penalty 1\.05, as transformers$/m);
    expect(await said(1)).not.toMatch(/^decoding/m);
  });

  it("says what a LLaVA-1.5 checkpoint is, and puts each field of its files into one of three lists", async () => {
    const folder = copyOf("square");
    editJson(join(folder, "config.json"), (json: Json) => {
      json.secret_sauce = { strength: 3 };
    });
    const result = await nuwa("doctor", "--model", folder);
    expect(result).toMatchObject({ code: 0, err: "" });
    expect(result.out).toMatch(/^family +llava$/m);
    expect(result.out).toMatch(/^files +model\.safetensors$/m);
    expect(result.out).toMatch(/^layout +hub \(language_model\.model\.\*, vision_tower\.\*, as transformers 5\)$/m);
    // As they are called in the file.
    expect(result.out).toMatch(/2 not needed: vision_tower\.post_layernorm\.\w+, vision_tower\.post_layernorm\.\w+$/m);
    expect(result.out).toMatch(/^dtype +(F32|F16|BF16)/m);
    expect(result.out).toMatch(/^parameters +0\.\d\d M/m);
    expect(result.out).toMatch(/^tower +CLIP, 6 blocks of 32 channels, 4 heads, MLP 64 \(quick_gelu\); 48×48 pixels/m);
    expect(result.out).toMatch(/^projector +32 → 48 → 48 \(gelu\)$/m);
    expect(result.out).toMatch(/^decoder +6 layers of 48 channels, 4 heads of 16 \(2 of keys\), MLP 80.*θ 5000;/m);
    expect(result.out).toMatch(/^images +one grid of 6×6: 36 visual tokens/m);
    expect(result.out).toMatch(/^pixels +scaled to cover, .* 48×48, bicubic; mean 0\.4815/m);
    expect(result.out).toMatch(/^tokenizer +none: .* nuwa ask, eval, tune and tokenize cannot run$/m);
    expect(result.out).toMatch(/^template +the family's own prompt$/m);
    expect(result.out).toMatch(/^ends at +2$/m);

    const honoured = listed(result, "honoured");
    expect(honoured).toContain("config.json: text_config.rope_parameters.rope_theta = 5000");
    expect(honoured).toContain("config.json: text_config.attention_bias = false");
    const harmless = listed(result, "no effect");
    expect(harmless).toContain('config.json: architectures = ["LlavaForConditionalGeneration"]');
    expect(harmless).toContain("generation_config.json: use_cache = true");
    expect(listed(result, "unknown")).toEqual(['config.json: secret_sauce = {"strength":3}']);

    const config: Json = JSON.parse(readFileSync(fixturePath("square/config.json"), "utf8"));
    const generation: Json = JSON.parse(readFileSync(fixturePath("square/generation_config.json"), "utf8"));
    const all = [...honoured, ...harmless].map((line) => line.split(" = ")[0]);
    expect(all.sort()).toEqual(
      [
        ...paths(config).map((path) => `config.json: ${path}`),
        ...paths(generation).map((path) => `generation_config.json: ${path}`),
      ].sort(),
    );
  });

  it("lists fields of rotary positions that their type does not use as without effect", async () => {
    const cases: [rope: Json, idle: string[]][] = [
      [{ rope_type: "default", beta_fast: 32, mrope_section: [1, 1, 2] }, ["beta_fast", "mrope_section"]],
      [
        { type: "linear", factor: 2, low_freq_factor: 1, truncate: true, original_max_position_embeddings: 64 },
        ["low_freq_factor", "truncate", "original_max_position_embeddings"],
      ],
      [
        { rope_type: "llama3", type: "yarn", factor: 2, low_freq_factor: 1, high_freq_factor: 4, attention_factor: 1 },
        ["attention_factor"],
      ],
      [{ rope_type: "yarn", factor: 2, high_freq_factor: 4, mscale: 1 }, ["high_freq_factor", "mscale"]],
      [
        { rope_type: "yarn", factor: 2, attention_factor: 1, mscale: 1, mscale_all_dim: 2 },
        ["mscale", "mscale_all_dim"],
      ],
      [{ rope_type: "yarn", factor: 2, mscale: 1, mscale_all_dim: 2 }, []],
    ];
    for (const [rope, idle] of cases) {
      const folder = copyOf("square");
      editJson(join(folder, "config.json"), ({ text_config: text }: Json) => {
        Object.assign(text as Json, { rope_scaling: rope, rope_theta: 5000, original_max_position_embeddings: 64 });
      });
      const result = await nuwa("doctor", "--model", folder);
      const fields = (effect: string, prefix: string) =>
        listed(result, effect).flatMap((line) => {
          const path = line.split(" = ")[0].replace("config.json: text_config.", "");
          return path.startsWith(prefix) ? [path.slice(prefix.length)] : [];
        });
      expect(fields("no effect", "rope_scaling.").sort()).toEqual([...idle].sort());
      expect(fields("honoured", "rope_scaling.").sort()).toEqual(
        Object.keys(rope)
          .filter((name) => !idle.includes(name))
          .sort(),
      );
      // The older object goes first; a base in the object would go before the one beside it.
      expect(fields("no effect", "rope_parameters")).toEqual([""]);
      expect(fields("honoured", "rope_theta")).toEqual([""]);
      const asks = rope.rope_type === "yarn" || rope.rope_type === "llama3";
      expect(fields(asks ? "honoured" : "no effect", "original_max_position_embeddings")).toEqual([""]);
    }
  });

  it("names tokens, and the file that the chat template comes from", async () => {
    const { out } = await nuwa("doctor", "--model", "weights/shapes");
    expect(out).toMatch(/^tokenizer +tokenizer\.json$/m);
    expect(out).toMatch(/^template +tokenizer_config\.json$/m);
    expect(out).toMatch(/^ends at +2 "<\/s>"$/m);
    expect(out).toMatch(/^unknown +0 fields/m);
  });

  it("says the resolutions of LLaVA-NeXT", async () => {
    const pinpoints = CONFIGS.llava_next.image_grid_pinpoints;
    const processor = { image_processor: { image_grid_pinpoints: pinpoints, do_pad: true }, image_token: "<image>" };
    const result = await nuwa("doctor", "--model", folderOf("llava_next", { "processor_config.json": processor }));
    expect(result).toMatchObject({ code: 0, err: "" });
    expect(result.out).toMatch(/^family +llava_next$/m);
    expect(result.out).toMatch(/^images +a base tile of 4×4, .* best of 16×32, 32×16, 32×32, 48×16/m);
    expect(result.out).toMatch(/^pixels +stretched to a base tile of 16×16/m);
    expect(listed(result, "honoured")).toContain(
      "processor_config.json: image_processor.image_grid_pinpoints = [[16,32],[32,16],[32,32],[48,16]]",
    );
    expect(listed(result, "no effect")).toEqual([
      "processor_config.json: image_processor.do_pad = true",
      'processor_config.json: image_token = "<image>"',
    ]);
  });

  it("says the windows and limits of Qwen2.5-VL, whose text fields may stand at the top", async () => {
    const files = {
      "preprocessor_config.json": { min_pixels: 64, max_pixels: 2304 },
      "generation_config.json": { eos_token_id: [5, 6], repetition_penalty: 1.05 },
    };
    const result = await nuwa("doctor", "--model", folderOf("qwen2_5_vl", files));
    expect(result).toMatchObject({ code: 0, err: "" });
    expect(result.out).toMatch(/^family +qwen2_5_vl$/m);
    expect(result.out).toMatch(/^decoder +.*vocabulary 40, tied; rotary θ 1000000 on axes of 1, 1, 1 pairs/m);
    expect(result.out).toMatch(/^images +one grid .* windows of 16 pixels, .* blocks 1, 3$/m);
    expect(result.out).toMatch(/^pixels +stretched to multiples of 8 pixels with 64 to 2304 pixels/m);
    expect(result.out).toMatch(/^ends at +5, 6$/m);
    expect(listed(result, "honoured")).toContain('config.json: rope_scaling.type = "mrope"');
    expect(listed(result, "honoured")).toContain("generation_config.json: repetition_penalty = 1.05");
  });

  it.each<[string, (folder: string) => void, RegExp]>([
    [
      "of an unknown family",
      (folder) => writeFileSync(join(folder, "config.json"), '{"model_type": "idefics3"}'),
      /^nuwa: \S+config\.json: field "model_type": "idefics3" is not supported\. Supported are: llava, .*\n$/,
    ],
    [
      "without weights",
      (folder) => rmSync(join(folder, "model.safetensors")),
      /^nuwa: \S+: has no model\.safetensors\.\n$/,
    ],
    [
      "that is damaged",
      (folder) => writeFileSync(join(folder, "config.json"), "{"),
      /^nuwa: \S+config\.json: is not JSON .*\n$/,
    ],
  ])("refuses a folder %s in one line", async (_, damage, message) => {
    const folder = copyOf("square");
    damage(folder);
    const { code, out, err } = await nuwa("doctor", "--model", folder);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(message);
  });
});
