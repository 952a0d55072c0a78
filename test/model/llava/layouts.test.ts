import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findTensor, openCheckpoint } from "../../../src/io/checkpoint.ts";
import { readTensor, type TensorValues, writeSafetensors } from "../../../src/io/safetensors.ts";
import { parseConfig } from "../../../src/model/llava/config.ts";
import { canonicalName, layoutOf } from "../../../src/model/llava/layouts.ts";
import { tensorShapes } from "../../../src/model/llava/tensor-shapes.ts";
import { fixture, refusal, scratchFolder } from "../../io/scratch.ts";

const folder = scratchFolder();
const square = openCheckpoint(fixture("square"));
const shapes = tensorShapes(parseConfig("square", square.config));
const weights = new Map(
  [...shapes].map(([name, shape]) => {
    const { file, entry } = findTensor(square, name, shape);
    return [name, readTensor(file, entry.name)] as const;
  }),
);
const buffer: TensorValues = { shape: [2], values: Int32Array.of(0, 1) };

type Naming = readonly (readonly [from: RegExp, to: string])[];
const rename = (naming: Naming) => (name: string) =>
  naming.reduce((current, [from, to]) => current.replace(from, to), name);

const TOWER = /^vision_tower\.vision_model\./;
const IN_MEMORY: Naming = [
  [/^language_model\.lm_head\./, "lm_head."],
  [/^language_model\.model\./, "model.language_model."],
  [/^(vision_tower|multi_modal_projector)\./, "model.$1."],
];
const ORIGINAL: Naming = [
  [/^language_model\.lm_head\./, "lm_head."],
  [/^language_model\.model\./, "model."],
  [/^multi_modal_projector\.linear_1\./, "model.mm_projector.0."],
  [/^multi_modal_projector\.linear_2\./, "model.mm_projector.2."],
];

/** A checkpoint folder with the tensors of `square` under other names, and tensors that do not matter. */
function write(name: string, toDisk: (canonical: string) => string, strangers: readonly string[]): string {
  const directory = join(folder, name);
  mkdirSync(directory, { recursive: true });
  cpSync(fixture("square", "config.json"), join(directory, "config.json"));
  const named = [...weights].map(([canonical, values]) => [toDisk(canonical), values] as const);
  writeSafetensors(join(directory, "model.safetensors"), [...named, ...strangers.map((s) => [s, buffer] as const)]);
  return directory;
}

function sameBytes(a: TensorValues, b: TensorValues | undefined): boolean {
  return b !== undefined && Buffer.from(a.values.buffer).equals(Buffer.from(b.values.buffer));
}

function expectAllFound(directory: string): void {
  const checkpoint = openCheckpoint(directory);
  for (const [name, shape] of shapes) {
    const { file, entry } = findTensor(checkpoint, name, shape);
    expect(sameBytes(readTensor(file, entry.name), weights.get(name)), name).toBe(true);
  }
}

describe("a checkpoint's layout", () => {
  it.each<[string, Naming, string[]]>([
    ["canonical", [], ["vision_tower.vision_model.embeddings.position_ids"]],
    ["on-disk of transformers 5", [[TOWER, "vision_tower."]], ["vision_tower.embeddings.position_ids"]],
    ["in-memory", IN_MEMORY, ["model.vision_tower.vision_model.embeddings.position_ids"]],
    ["in-memory of transformers 5", [[TOWER, "vision_tower."], ...IN_MEMORY], ["model.language_model.rotary.inv_freq"]],
    [
      "original, with the tower inside",
      [[TOWER, "model.vision_tower.vision_tower.vision_model."], ...ORIGINAL],
      ["model.image_newline", "model.layers.0.self_attn.rotary_emb.inv_freq"],
    ],
  ])("%s gives every tensor by its canonical name", (label, naming, strangers) => {
    expectAllFound(write(label, rename(naming), strangers));
  });

  it.each<[string, string, string[]]>([
    [
      "a whole CLIP",
      "vision_model.",
      ["text_model.embeddings.position_ids", "text_model.final_layer_norm.bias", "logit_scale"],
    ],
    ["a CLIP tower of transformers 5", "", ["post_layernorm.bias"]],
  ])("original finds its tower in vision_tower/, as %s", (label, prefix, strangers) => {
    const directory = write(label, (name) => rename(ORIGINAL)(TOWER.test(name) ? `unused.${name}` : name), []);
    const tower = join(directory, "vision_tower");
    mkdirSync(tower);
    writeFileSync(join(tower, "config.json"), JSON.stringify({ vision_config: { hidden_size: 32 } }));
    const inside = [...weights].filter(([name]) => TOWER.test(name));
    writeSafetensors(join(tower, "model.safetensors"), [
      ...inside.map(([name, values]) => [name.replace(TOWER, prefix), values] as const),
      ...strangers.map((name) => [name, buffer] as const),
    ]);
    expectAllFound(directory);
    expect(openCheckpoint(directory).visionTowerConfig).toEqual({ vision_config: { hidden_size: 32 } });
  });

  it("may not mix two names for one tensor", () => {
    const directory = write("twice", (name) => name, ["lm_head.weight"]);
    expect(refusal(() => openCheckpoint(directory))).toMatch(
      /"lm_head.weight" and "language_model.lm_head.weight" are both language_model.lm_head.weight\. Remove one\./,
    );
  });

  it.each<[Naming, string]>([
    [[], "hub (language_model.model.*, vision_tower.vision_model.*)"],
    [[[TOWER, "vision_tower."]], "hub (language_model.model.*, vision_tower.*, as transformers 5)"],
    [IN_MEMORY, "in memory (model.language_model.*, model.vision_tower.vision_model.*)"],
    [
      [[TOWER, "vision_tower."], ...IN_MEMORY],
      "in memory (model.language_model.*, model.vision_tower.*, as transformers 5)",
    ],
    [ORIGINAL, "original LLaVA (model.mm_projector.*)"],
  ])("under %j is called %s", (naming, layout) => {
    expect(layoutOf([...weights.keys()].map(rename(naming)))).toBe(layout);
  });

  it("has canonical names that stay as they are", () => {
    for (const name of shapes.keys()) expect(canonicalName(name)).toBe(name);
  });

  it("drops buffers, and nothing that only looks like one", () => {
    expect(canonicalName("vision_tower.vision_model.embeddings.position_ids")).toBeUndefined();
    expect(canonicalName("model.layers.3.self_attn.rotary_emb.inv_freq")).toBeUndefined();
    expect(canonicalName("language_model.model.norm.my_inv_freq")).toBe("language_model.model.norm.my_inv_freq");
  });
});
