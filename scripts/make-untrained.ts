/**
 * Writes weights/untrained: a LLaVA of the paper's grid (24×24 patches) with random weights from a seed.
 * It is used instead of a trained model where only the mechanism is shown.
 *
 * usage: npm run make:untrained [-- --out FOLDER/ --layers N --heads N]
 *
 * Another folder and other sizes are for measuring how memory and time grow; layers are those of the decoder and of the
 * tower each, heads those of the decoder.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeAtomically } from "../src/io/files.ts";
import { writeSafetensors } from "../src/io/safetensors.ts";
import { initialWeights } from "../src/model/initialise.ts";
import { parseConfig } from "../src/model/llava/config.ts";

const SEED = 1;
const SHIPPED = fileURLToPath(new URL("../weights/untrained/", import.meta.url));
const text = { type: "string" } as const;
const { values: given } = parseArgs({ options: { out: { ...text, default: SHIPPED }, layers: text, heads: text } });
const folder = given.out.replace(/\/?$/, "/");

/** One token per byte, so that any text can be written; the specials come after the 256 bytes. */
const SPECIALS = ["<s>", "</s>", "<image>"];

const config = {
  architectures: ["LlavaForConditionalGeneration"],
  model_type: "llava",
  nuwa_note: `random weights made from seed ${SEED}: untrained, its answers mean nothing`,
  image_token_index: 258,
  image_aspect_ratio: "pad",
  vision_feature_layer: -2,
  vision_feature_select_strategy: "default",
  projector_hidden_act: "gelu",
  vision_config: {
    model_type: "clip_vision_model",
    hidden_size: 64,
    intermediate_size: 256,
    num_hidden_layers: Number(given.layers ?? 6),
    num_attention_heads: 4,
    image_size: 336,
    patch_size: 14,
  },
  text_config: {
    model_type: "llama",
    hidden_size: 64,
    intermediate_size: 172,
    num_hidden_layers: Number(given.layers ?? 8),
    num_attention_heads: Number(given.heads ?? 4),
    num_key_value_heads: 2,
    vocab_size: 256 + SPECIALS.length,
    bos_token_id: 256,
    eos_token_id: 257,
  },
};

const parsed = parseConfig("make-untrained", config);
writeSafetensors(
  `${folder}model.safetensors`,
  [...initialWeights(parsed, SEED)].map(([name, { shape, values }]) => [name, { shape, values: toFloat16(values) }]),
  { format: "pt", seed: String(SEED) },
);
writeAtomically(`${folder}config.json`, `${JSON.stringify(config, null, 2)}\n`);
writeAtomically(`${folder}tokenizer.json`, `${JSON.stringify(byteTokenizer(), null, 1)}\n`);

/** GPT-2's printable stand-ins for bytes, which the ByteLevel components of tokenizer.json expect. */
function byteCharacters(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

function byteTokenizer(): object {
  const tokens = [...byteCharacters(), ...SPECIALS];
  const added = SPECIALS.map((content, i) => ({
    id: 256 + i,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [256], tokens: ["<s>"] } },
    },
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
    },
  };
}

/** Bits of the nearest half-precision number; the weights here are neither huge nor NaN. */
function toFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, (value) => {
    const magnitude = Math.abs(value);
    const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 1)));
    const steps = Math.round(magnitude / 2 ** (exponent - 10));
    // A mantissa that rounds up to 2048 carries into the exponent by itself; below 1024 it is subnormal.
    const bits = steps < 1024 ? steps : ((exponent + 14) << 10) + steps;
    return (value < 0 ? 0x8000 : 0) | bits;
  });
}
