/**
 * Writes a checkpoint of random weights with the configuration and the layout of a published one, to see what a model
 * of that size takes: `npm run make:random -- FOLDER [--shape 7b|1b] [--seed N]`. `7b` is llava-1.5-7b-hf (three
 * shards of float16, 14 GB), `1b` the same tower with a decoder of TinyLlama's shape (one file, 2.8 GB).
 *
 * Matrices are normal with variance 1/inputs, so that activations keep their size. Values repeat after 2^20 draws:
 * drawing 7 billion would take longer than writing them.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { normal, randomFrom } from "../src/core/random-numbers.ts";
import { requireWritableFolder, writeAtomically } from "../src/io/files.ts";
import { float32ToFloat16 } from "../src/io/half-floats.ts";
import { familyNamed } from "../src/model/families.ts";

/** Where a tokenizer is. */
const WORDS = fileURLToPath(new URL("../weights/shapes", import.meta.url));
/** Values that are drawn; a prime, so that equal columns do not get equal values. */
const DRAWN = 1_048_573;
/** Of a shard of published checkpoints, at most. */
const SHARD_BYTES = 5e9;

const TOWER = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  image_size: 336,
  patch_size: 14,
};
const SHAPES: Readonly<Record<string, object>> = {
  "7b": { vocab_size: 32064 },
  "1b": {
    vocab_size: 32064,
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 22,
    num_attention_heads: 32,
    num_key_value_heads: 4,
  },
};

function refuse(line: string): never {
  process.stderr.write(`make-random-checkpoint: ${line}\n`);
  process.exit(2);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { shape: { type: "string", default: "7b" }, seed: { type: "string", default: "1" } },
});
const [folder] = positionals.length === 1 ? positionals : refuse("give one folder to write into.");
const text = SHAPES[values.shape] ?? refuse(`--shape ${values.shape} does not exist. There are: 7b, 1b.`);
if (!/^\d{1,9}$/.test(values.seed)) refuse(`--seed ${values.seed} is not an integer from 0.`);

const family = familyNamed("llava");
const json = {
  architectures: ["LlavaForConditionalGeneration"],
  model_type: "llava",
  image_token_index: 32000,
  projector_hidden_act: "gelu",
  vision_feature_layer: -2,
  vision_feature_select_strategy: "default",
  vision_config: { model_type: "clip_vision_model", projection_dim: 768, ...TOWER },
  text_config: { model_type: "llama", max_position_embeddings: 4096, rms_norm_eps: 1e-5, ...text },
  torch_dtype: "float16",
};
const config = family.parseConfig("the random checkpoint", json);
mkdirSync(folder, { recursive: true });
requireWritableFolder(folder);

const random = randomFrom(Number(values.seed));
const drawn = Float32Array.from({ length: DRAWN }, () => normal(random));
let next = 0;

const shards = shardsOf([...family.tensorShapes(config)]);
const nameOf = (i: number) =>
  shards.length === 1
    ? "model.safetensors"
    : `model-${String(i + 1).padStart(5, "0")}-of-${String(shards.length).padStart(5, "0")}.safetensors`;
const started = performance.now();
for (const [i, shard] of shards.entries()) {
  writeShard(join(folder, nameOf(i)), shard);
  process.stderr.write(`${nameOf(i)} after ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
}
const total = shards.flat().reduce((sum, [, shape]) => sum + 2 * sizeOf(shape), 0);
const weightMap = Object.fromEntries(shards.flatMap((shard, i) => shard.map(([name]) => [name, nameOf(i)])));
const write = (name: string, value: object) =>
  writeAtomically(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
if (shards.length > 1)
  write("model.safetensors.index.json", { metadata: { total_size: total }, weight_map: weightMap });
write("preprocessor_config.json", {
  image_processor_type: "CLIPImageProcessor",
  size: { shortest_edge: 336 },
  crop_size: { height: 336, width: 336 },
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
});
writeTokenizer();
write("config.json", json);
process.stdout.write(`wrote ${folder}: ${(total / 1e9).toFixed(1)} GB of random weights\n`);

type Shaped = readonly [name: string, shape: readonly number[]];

function shardsOf(weights: readonly Shaped[]): Shaped[][] {
  const all: Shaped[][] = [[]];
  let bytes = 0;
  for (const weight of weights) {
    const own = 2 * sizeOf(weight[1]);
    if (bytes + own > SHARD_BYTES) {
      all.push([]);
      bytes = 0;
    }
    all[all.length - 1].push(weight);
    bytes += own;
  }
  return all;
}

function writeShard(path: string, weights: readonly Shaped[]): void {
  let end = 0;
  const header = Object.fromEntries(
    weights.map(([name, shape]) => {
      const begin = end;
      end += 2 * sizeOf(shape);
      return [name, { dtype: "F16", shape, data_offsets: [begin, end] }];
    }),
  );
  const head = Buffer.from(JSON.stringify({ __metadata__: { format: "pt" }, ...header }));
  const padded = Buffer.alloc(8 + 8 * Math.ceil(head.length / 8), " ");
  padded.writeBigUInt64LE(BigInt(padded.length - 8));
  head.copy(padded, 8);
  const file = openSync(path, "w");
  try {
    writeSync(file, padded);
    for (const [name, shape] of weights) writeWeight(file, name, shape);
  } finally {
    closeSync(file);
  }
}

/** Scales of norms are one, biases zero, matrices normal. */
function writeWeight(file: number, name: string, shape: readonly number[]): void {
  const size = sizeOf(shape);
  const isVector = shape.length === 1 && !name.endsWith("class_embedding");
  const value = name.endsWith(".bias") ? 0 : 1;
  const isTable = /embed|embedding/.test(name);
  const spread = isTable ? 0.02 : (size / shape[0]) ** -0.5;
  const piece = isVector
    ? float32ToFloat16(new Float32Array(size).fill(value))
    : float32ToFloat16(drawn.map((draw) => draw * spread));
  for (let written = 0; written < size; ) {
    const from = isVector ? 0 : next;
    const part = piece.subarray(from, Math.min(piece.length, from + size - written));
    writeSync(file, part);
    written += part.length;
    if (!isVector) next = (next + part.length) % piece.length;
  }
}

/** The tokenizer of weights/shapes, whose image token gets the id that it has in the published model. */
function writeTokenizer(): void {
  const source = (name: string) => JSON.parse(readFileSync(join(WORDS, name), "utf8"));
  const tokenizer = source("tokenizer.json");
  const image = tokenizer.added_tokens.find(({ content }: { content: string }) => content === "<image>");
  image.id = json.image_token_index;
  tokenizer.model.vocab["<image>"] = json.image_token_index;
  write("tokenizer.json", tokenizer);
  write("tokenizer_config.json", source("tokenizer_config.json"));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
