import { cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findTensor, openCheckpoint } from "../../src/io/checkpoint.ts";
import { parseConfig } from "../../src/model/llava/config.ts";
import { tensorShapes } from "../../src/model/llava/tensor-shapes.ts";
import { fixture, refusal, scratchFolder, writeRaw } from "./scratch.ts";

const folder = scratchFolder();
const INDEX = "model.safetensors.index.json";
const SHARD = "model-00001-of-00002.safetensors";

/** A copy of the fixture `wide`, which has two shards. */
function wideCopy(name: string): string {
  const directory = join(folder, name);
  cpSync(fixture("wide"), directory, { recursive: true });
  return directory;
}

function emptyFolder(name: string): string {
  const directory = join(folder, name);
  mkdirSync(directory);
  return directory;
}

describe("openCheckpoint", () => {
  it.each(["square", "wide"])("finds all tensors of %s with the shapes that its configuration asks for", (name) => {
    const checkpoint = openCheckpoint(fixture(name));
    for (const [tensor, shape] of tensorShapes(parseConfig(name, checkpoint.config)))
      expect(findTensor(checkpoint, tensor, shape).entry.shape).toEqual(shape);
  });

  it("reads generation_config.json, and takes it for empty when there is none", () => {
    expect(openCheckpoint(fixture("square")).generationConfig).toHaveProperty("bos_token_id", 1);
    const directory = wideCopy("no generation config");
    rmSync(join(directory, "generation_config.json"), { force: true });
    expect(openCheckpoint(directory).generationConfig).toEqual({});
  });

  it("refuses what is not a folder", () => {
    for (const path of [join(folder, "nowhere"), fixture("square", "config.json")])
      expect(refusal(() => openCheckpoint(path))).toMatch(/is not a checkpoint folder\. Give a folder/);
  });

  it("says what to do about a folder of pickles", () => {
    const directory = emptyFolder("pickles");
    writeFileSync(join(directory, "pytorch_model.bin"), "");
    expect(refusal(() => openCheckpoint(directory))).toMatch(/only pytorch_model\.bin.*Convert it to safetensors/);
    expect(refusal(() => openCheckpoint(emptyFolder("bare")))).toMatch(/bare: has no model\.safetensors\.$/);
  });

  it("refuses a folder without config.json, or with one that is not an object", () => {
    const directory = emptyFolder("no config");
    cpSync(fixture("square", "model.safetensors"), join(directory, "model.safetensors"));
    expect(refusal(() => openCheckpoint(directory))).toMatch(/config\.json: cannot be read \(ENOENT/);
    for (const text of ["[]", "null", "7", '"llava"', "{"]) {
      writeFileSync(join(directory, "config.json"), text);
      expect(refusal(() => openCheckpoint(directory))).toMatch(/config\.json: /);
    }
  });

  it("refuses a shard index that names files elsewhere", () => {
    const directory = wideCopy("elsewhere");
    for (const name of ["../square/model.safetensors", "/etc/hosts", "sub/x.safetensors", "..", ".hidden", "a\\b"]) {
      writeFileSync(join(directory, INDEX), JSON.stringify({ weight_map: { a: name } }));
      expect(refusal(() => openCheckpoint(directory))).toMatch(
        /weight_map names ".*"; shards must lie in the same folder/,
      );
    }
  });

  it("refuses a shard index of another form", () => {
    const directory = wideCopy("malformed");
    for (const [index, field] of [
      [{}, /field "weight_map"/],
      [{ weight_map: { a: 1 } }, /field "weight_map\.a"/],
      [{ weight_map: ["a"] }, /field "weight_map"/],
      [{ weight_map: { a: "" } }, /is not a file/],
      [{ weight_map: { a: "nul\0.safetensors" } }, /cannot be read/],
    ] as const) {
      writeFileSync(join(directory, INDEX), JSON.stringify(index));
      expect(refusal(() => openCheckpoint(directory))).toMatch(field);
    }
  });

  it("names the shard that is missing, cut off, or without a tensor that the index promises", () => {
    const directory = wideCopy("shards");
    writeRaw(join(directory, SHARD), {});
    expect(refusal(() => openCheckpoint(directory))).toMatch(
      /00001-of-00002\.safetensors: lacks ".+", which .*index\.json/,
    );
    truncateSync(join(directory, SHARD), 4);
    expect(refusal(() => openCheckpoint(directory))).toMatch(/00001-of-00002\.safetensors: 4 bytes is too short/);
    rmSync(join(directory, SHARD));
    expect(refusal(() => openCheckpoint(directory))).toMatch(/00001-of-00002\.safetensors: cannot be read \(ENOENT/);
  });

  it("refuses one tensor in two shards", () => {
    const directory = emptyFolder("two shards");
    const entry = { a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } };
    const both = { ...entry, b: { dtype: "F32", shape: [1], data_offsets: [4, 8] } };
    writeRaw(join(directory, "1.safetensors"), entry, 4);
    writeRaw(join(directory, "2.safetensors"), both, 8);
    writeFileSync(join(directory, "config.json"), "{}");
    writeFileSync(join(directory, INDEX), '{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}');
    expect(refusal(() => openCheckpoint(directory))).toMatch(/2\.safetensors: "a" and "a" are both a/);
  });

  it("wants weights in vision_tower/ when a configuration is there", () => {
    const directory = wideCopy("tower");
    mkdirSync(join(directory, "vision_tower"));
    expect(openCheckpoint(directory).visionTowerConfig).toBeUndefined();
    writeFileSync(join(directory, "vision_tower", "config.json"), "{}");
    expect(refusal(() => openCheckpoint(directory))).toMatch(/vision_tower: has no model\.safetensors/);
  });
});

describe("findTensor", () => {
  const checkpoint = openCheckpoint(fixture("square"));

  it("names a tensor that is missing", () => {
    expect(refusal(() => findTensor(checkpoint, "language_model.model.norm.bias", [48]))).toMatch(
      /square: lacks the tensor language_model\.model\.norm\.bias, which config\.json asks for/,
    );
  });

  it("names both shapes where they disagree, also in rank", () => {
    for (const shape of [[47], [48, 1], []])
      expect(refusal(() => findTensor(checkpoint, "language_model.model.norm.weight", shape))).toContain(
        `has shape [48], but config.json asks for [${shape}]`,
      );
  });

  it.each(["I32", "U32", "F64", "BOOL"] as const)("refuses weights in %s, by file and tensor", (dtype) => {
    const name = "language_model.model.norm.weight";
    const { file, entry } = findTensor(checkpoint, name, [48]);
    const tensors = new Map([[name, { file, entry: { ...entry, dtype } }]]);
    expect(refusal(() => findTensor({ ...checkpoint, tensors }, name, [48]))).toBe(
      `${file.path}: "${entry.name}" is ${dtype}, but weights are F32, F16, BF16; others are not supported. Convert it, or fetch the file again.`,
    );
  });
});
