import * as tf from "@tensorflow/tfjs";
import { useBackend } from "../../src/backend/select.ts";
import { run, tensorsIn } from "../../src/core/readback.ts";
import type { TapName } from "../../src/core/tap-points.ts";
import { record } from "../../src/core/taps.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { type Comparison, relativeError } from "./parity.ts";

/** cpu and wasm are within a tenth of this. */
const FORWARD_TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-4;
const TAPS: readonly TapName[] = [
  "vision.features",
  "vision.cls_attention",
  "projector.output",
  "llm.norm",
  "logits_last",
];
const SEED = 1;
const TEXT_TOKENS = 24;

/**
 * Holds a backend against wasm on a model of a real size: the fixtures are so small that tfjs chooses
 * other GPU programs for them, and computes a part on the processor. Without pruning, so that a
 * near-tie cannot change a selection.
 *
 * @param load makes the model, on the backend that is current; called on both
 */
export async function* compareWithWasm(backend: string, load: () => Llava): AsyncGenerator<Comparison> {
  await useBackend("wasm");
  const wanted = await valuesOf(load());
  await useBackend(backend);
  const found = await valuesOf(load());
  for (const [what, values] of wanted) {
    const allowed = what.startsWith("gradient") ? GRADIENT_TOLERANCE : FORWARD_TOLERANCE;
    yield { what, error: relativeError(found.get(what) as tf.TypedArray, values), allowed };
  }
}

async function valuesOf(model: Llava): Promise<Map<string, tf.TypedArray>> {
  const { config } = model;
  const [height, width] = config.vision.imageSize;
  const pixels = tf.randomNormal<tf.Rank.R4>([1, 3, height, width], 0, 1, "float32", SEED);
  const words = Array.from({ length: TEXT_TOKENS }, (_, i) => (config.imageTokenId + 1 + i) % config.text.vocabSize);
  const inputs = { pixels, prompts: [[config.imageTokenId, ...words.filter((id) => id !== config.imageTokenId)]] };
  const method = createMethod("none", config, { average: { ratio: 1 } });
  const recorder = record(TAPS);
  const result = await run(() => forward(model, inputs, method, recorder.tap));
  const best = ({ logits }: ForwardResult) => logits.max() as tf.Scalar;
  const found = await gradients(model, inputs, method, best, [pixels]);
  const values = new Map<string, tf.TypedArray>();
  for (const name of TAPS) values.set(name, await recorder.get(name).data());
  values.set("gradient of the pixels", await found.gradients[0].data());
  recorder.dispose();
  tf.dispose([pixels, found.value, ...found.gradients, ...tensorsIn(result)]);
  disposeModel(model);
  return values;
}
