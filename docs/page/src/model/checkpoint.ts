import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../../../src/core/errors.ts";
import { float16ToFloat32 } from "../../../../src/io/half-floats.ts";
import { parseHeader } from "../../../../src/io/safetensors-header.ts";
import { openTemplate } from "../../../../src/io/sandbox/template-engine.js";
import { openTokenizer } from "../../../../src/io/sandbox/tokenizer-engine.js";
import { tokenizerSchema } from "../../../../src/io/tokenizer-schema.ts";
import { familyOf } from "../../../../src/model/families.ts";
import type { LoadedVlm } from "../../../../src/pipeline/answer.ts";
import type { CheckpointFiles } from "./protocol.ts";

/** Names for errors; the files come with the page. */
const WHERE = "the page's model";

/**
 * The shipped checkpoint from the bytes of its files, as `loadVlm` reads it from a folder under Node.
 *
 * @throws NuwaError when a file does not fit the others
 */
export function openVlm(files: CheckpointFiles): LoadedVlm {
  const { config: json, generationConfig, preprocessor, tokenizer, tokenizerConfig, weights } = files;
  const family = familyOf(WHERE, json);
  const config = family.parseConfig(WHERE, json, generationConfig);
  const values = tensorsOf(weights, family.canonicalName);
  const tensors = new Map<string, tf.Tensor>();
  for (const [name, shape] of family.tensorShapes(config)) {
    const found = values.get(name);
    if (!found) throw new NuwaError(`${WHERE} lacks the tensor ${name}. Load the page again.`);
    tensors.set(name, tf.tensor(found, [...shape], "float32"));
  }
  const engine = openTokenizer(tokenizerSchema.parse(tokenizer));
  const template = openTemplate({ source: tokenizerConfig.chat_template });
  return {
    model: family.createModel(config, tensors),
    tokenizer: engine,
    template: {
      origin: WHERE,
      render: (messages, imageToken = "<image>") =>
        template.render({ ...tokenizerConfig, messages, image_token: imageToken, add_generation_prompt: true }),
    },
    preprocessing: family.parsePreprocessing(WHERE, preprocessor, config),
  };
}

/** The tensors of a safetensors file in float16, by canonical name. */
function tensorsOf(file: ArrayBuffer, canonicalName: (name: string) => string | undefined): Map<string, Float32Array> {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const header = parseHeader(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  const tensors = new Map<string, Float32Array>();
  for (const [stored, { dtype, offsets }] of header.entries) {
    const name = canonicalName(stored);
    if (name === undefined) continue;
    if (dtype !== "F16") throw new NuwaError(`${WHERE}: ${name} is ${dtype}, not F16. Build the page again.`);
    const [begin, end] = offsets.map((offset) => 8 + length + offset);
    tensors.set(name, float16ToFloat32(new Uint16Array(file.slice(begin, end))));
  }
  return tensors;
}
