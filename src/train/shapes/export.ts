import { join } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { writeAtomically } from "../../io/files.ts";
import { float32ToFloat16 } from "../../io/half-floats.ts";
import { writeSafetensors } from "../../io/safetensors.ts";
import { familyNamed } from "../../model/families.ts";
import type { VlmConfig } from "../../model/vlm.ts";
import { miniatureOf } from "./miniatures.ts";

/**
 * Writes a model as a Hugging Face folder, which this project and transformers load: its configuration, its tokenizer,
 * its processor, and model.safetensors (float16, canonical names).
 *
 * @param tensors by canonical name; others, such as pretraining heads, are left out
 * @throws NuwaError when a weight is missing or a file cannot be written
 */
export async function exportModel(
  folder: string,
  config: VlmConfig,
  tensors: ReadonlyMap<string, tf.Tensor>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const miniature = miniatureOf(config);
  const entries = [...miniature.unread()];
  for (const [name, shape] of familyNamed(config.family).tensorShapes(config)) {
    const tensor = tensors.get(name);
    if (!tensor) throw new NuwaError(`${folder}: the weight ${name} is missing; nothing was written.`);
    entries.push([name, { shape, values: (await tensor.data()) as Float32Array }]);
  }
  const json = (name: string, value: unknown) =>
    writeAtomically(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
  const { "config.json": own, ...files } = miniature.files();
  for (const [name, value] of Object.entries(files)) json(name, value);
  const halves = entries.map(
    ([name, { shape, values }]) => [name, { shape, values: float32ToFloat16(values as Float32Array) }] as const,
  );
  writeSafetensors(join(folder, "model.safetensors"), halves, { format: "pt", ...metadata });
  // Last, because a folder without it is not taken for a model.
  json("config.json", own);
}
