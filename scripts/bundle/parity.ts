import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { run, tensorsIn } from "../../src/core/readback.ts";
import type { TapName } from "../../src/core/tap-points.ts";
import { record } from "../../src/core/taps.ts";
import { loadModel } from "../../src/io/load.ts";
import { openSafetensors, readTensor, type TensorValues } from "../../src/io/safetensors.ts";
import type { Method } from "../../src/methods/method.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { requireLlava } from "../../src/model/llava/llava.ts";
import { lmHead } from "../../src/model/transformer/decoder.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { type ForwardInputs, type ForwardResult, forward } from "../../src/pipeline/prefill.ts";

/** One value of a run held against what PyTorch computed. */
export interface Comparison {
  readonly what: string;
  /** ‖a − b‖ / ‖b‖ of floats; of lists of integers 0 when they are equal, else infinite. */
  readonly error: number;
  /** The largest error that rounding in float32 explains; 0 for lists. */
  readonly allowed: number;
}

const FORWARD_TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-4;
/** How the reference outputs were made (test/fixtures/model_cases.py). */
const AVERAGE = { ratio: 1 / 3 };

/**
 * Holds the current backend against the reference outputs of a fixture: the unpruned pass with
 * generation, both variants of Nüwa with generation, and, where the fixture has them, gradients with
 * pruning in the path.
 *
 * All reads are asynchronous, so that every backend can be checked.
 *
 * @param folder checkpoint with `expected.safetensors`, such as test/fixtures/square
 */
export async function* compareWithReference(folder: string): AsyncGenerator<Comparison> {
  const file = openSafetensors(join(folder, "expected.safetensors"));
  const want = (name: string) => readTensor(file, name);
  const model = requireLlava(loadModel(folder));
  const { shape, values } = want("pixel_values");
  const pixels = tf.tensor4d(values as Float32Array, [1, ...(shape as [number, number, number])]);
  const inputs = { pixels, prompts: [[...want("input_ids").values]] };
  try {
    yield* compareUnpruned(model, inputs, want);
    for (const variant of ["official", "paper"] as const) yield* comparePruned(model, inputs, variant, want);
    if (file.entries.has("gradient.pixel_values")) {
      const weights = [...file.entries.keys()].filter((name) => /^gradient\..*\.weight$/.test(name));
      yield* compareGradients(model, inputs, weights, want);
    }
  } finally {
    pixels.dispose();
    disposeModel(model);
  }
}

type Want = (name: string) => TensorValues;

/** What is recorded of an unpruned run, and its name among the reference outputs. */
const UNPRUNED: readonly (readonly [TapName, string])[] = [
  ["vision.features", "vision.features"],
  ["vision.cls_attention", "vision.cls_attention"],
  ["projector.output", "projector.output"],
  ["llm.embeddings", "embeddings"],
];

async function* compareUnpruned(model: Llava, inputs: ForwardInputs, want: Want): AsyncGenerator<Comparison> {
  const method = createMethod("none", model.config, { average: AVERAGE });
  const recorder = record(UNPRUNED.map(([tap]) => tap));
  const result = await run(() => forward(model, inputs, method, recorder.tap));
  const logits = tf.tidy(() => lmHead(model, result.hidden));
  try {
    for (const [tap, name] of UNPRUNED) yield floats(`none: ${name}`, recorder.get(tap), want(name), FORWARD_TOLERANCE);
    yield floats("none: logits", logits, want("logits"), FORWARD_TOLERANCE);
    yield* compareGenerated("none", model, result, want("generated"));
  } finally {
    recorder.dispose();
    tf.dispose([logits, ...tensorsIn(result)]);
  }
}

const LISTS = ["stage1.indices", "stage1.pillars"] as const;
const MIXTURES = ["stage1.weights", "stage1.tokens"] as const;

async function* comparePruned(
  model: Llava,
  inputs: ForwardInputs,
  variant: "official" | "paper",
  want: Want,
): AsyncGenerator<Comparison> {
  const stage2 = variant === "official" ? "attention" : "cosine";
  const method = createMethod("nuwa", model.config, { average: AVERAGE, variant, stage2, positions: "original" });
  const recorder = record([...LISTS, ...MIXTURES, "stage2.indices", "position_ids"]);
  const result = await run(() => forward(model, inputs, method, recorder.tap));
  const place = `nuwa.${variant}.${stage2}.original`;
  try {
    for (const tap of LISTS) yield integers(`${variant}: ${tap}`, recorder.get(tap), want(`nuwa.${variant}.${tap}`));
    for (const tap of MIXTURES)
      yield floats(`${variant}: ${tap}`, recorder.get(tap), want(`nuwa.${variant}.${tap}`), FORWARD_TOLERANCE);
    for (const tap of ["position_ids", "stage2.indices"] as const)
      yield integers(`${variant}: ${tap}`, recorder.get(tap), want(`${place}.${tap}`));
    yield floats(`${variant}: logits`, result.logits, want(`${place}.logits_last`), FORWARD_TOLERANCE);
    yield* compareGenerated(variant, model, result, want(`${place}.generated`));
  } finally {
    recorder.dispose();
    tf.dispose(tensorsIn(result));
  }
}

/** Greedy decoding that ignores end-of-sequence tokens, as the reference does. */
async function* compareGenerated(
  what: string,
  model: Llava,
  start: ForwardResult,
  { values }: TensorValues,
): AsyncGenerator<Comparison> {
  const ids: number[] = [];
  for await (const [id] of generate(model, start, { maxNewTokens: values.length, stopTokens: [] }))
    ids.push(id as number);
  yield { what: `${what}: generated tokens`, error: unequal(ids, values), allowed: 0 };
}

async function* compareGradients(
  model: Llava,
  inputs: ForwardInputs & { readonly pixels: tf.Tensor4D },
  names: readonly string[],
  want: Want,
): AsyncGenerator<Comparison> {
  const method: Method = createMethod("nuwa", model.config, { average: AVERAGE });
  const [index] = want("gradient.logit_index").values;
  const logit = ({ logits }: ForwardResult) => logits.flatten().slice([index], [1]).squeeze() as tf.Scalar;
  const weights = names.map((name) => model.tensors.get(name.slice("gradient.".length)) as tf.Tensor);
  const found = await gradients(model, inputs, method, logit, [inputs.pixels, ...weights]);
  try {
    const [ofPixels, ...ofWeights] = found.gradients;
    yield floats("gradient of the pixels", ofPixels, want("gradient.pixel_values"), GRADIENT_TOLERANCE);
    for (const [i, gradient] of ofWeights.entries()) {
      yield floats(names[i].replace("gradient.", "gradient of "), gradient, want(names[i]), GRADIENT_TOLERANCE);
    }
  } finally {
    tf.dispose([found.value, ...found.gradients]);
  }
}

async function floats(what: string, tensor: tf.Tensor, { values }: TensorValues, allowed: number): Promise<Comparison> {
  return { what, error: relativeError(await tensor.data(), values), allowed };
}

/** ‖a − b‖ / ‖b‖; infinite when the lengths differ. */
export function relativeError(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let total = 0;
  for (let i = 0; i < wanted.length; i++) {
    difference += (found[i] - wanted[i]) ** 2;
    total += wanted[i] ** 2;
  }
  return Math.sqrt(difference / (total || 1));
}

async function integers(what: string, tensor: tf.Tensor, { values }: TensorValues): Promise<Comparison> {
  return { what, error: unequal(await tensor.data(), values), allowed: 0 };
}

function unequal(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  return Array.from(found).join() === Array.from(wanted).join() ? 0 : Number.POSITIVE_INFINITY;
}
