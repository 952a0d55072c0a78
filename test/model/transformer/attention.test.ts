import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { normal, randomFrom } from "../../../src/core/random-numbers.ts";
import { runSync } from "../../../src/core/readback.ts";
import { noTap, record, type Tap } from "../../../src/core/taps.ts";
import { attend, attendInParts, type ByRows } from "../../../src/model/transformer/attention.ts";
import { causalMask } from "../../../src/model/transformer/sequence.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { runLayers } from "../../../src/pipeline/decoder-loop.ts";
import { relativeError } from "../../support.ts";
import { CONFIGS, tinyFamily } from "../../support-families.ts";
import { tinyModel } from "../../support-tiny.ts";

beforeAll(() => useBackend("wasm"));

const random = randomFrom(3);
const filled = (...shape: number[]) =>
  tf.tensor<tf.Rank.R4>(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => normal(random)),
    shape as tf.Tensor4D["shape"],
  );

/** The values of what `work` returns, and the most bytes that tensors took meanwhile. The tensors are freed. */
async function peakOf(work: () => tf.Tensor[]): Promise<{ peak: number; values: Float32Array[] }> {
  const before = tf.memory().numBytes;
  let values: Float32Array[] = [];
  const { peakBytes } = await tf.profile(() => {
    tf.tidy(() => {
      values = work().map((x) => x.dataSync<"float32">());
    });
    return [];
  });
  return { peak: peakBytes - before, values };
}

describe("attention in parts", () => {
  // 4·2500² weights are more than are computed at a time; the last part is shorter than the others.
  const TOKENS = 2500;
  const [q, k, v] = [() => filled(1, 4, TOKENS, 8), () => filled(1, 2, TOKENS, 8), () => filled(1, 2, TOKENS, 8)];
  const slots = Array.from({ length: TOKENS }, (_, id) => ({ kind: "text" as const, id: 1, position: [id] }));

  it.each<[string, () => ByRows | undefined]>([
    ["no mask", () => undefined],
    ["a causal mask", () => causalMask([slots], TOKENS)],
    [
      "a mask of keys alone",
      () => {
        const mask = filled(1, 1, 1, TOKENS);
        return () => mask;
      },
    ],
  ])("equals all of it at a time with %s, in less memory", async (_, mask) => {
    const before = tf.memory().numTensors;
    const [queries, keys, values, hidden] = [q(), k(), v(), mask()];
    const whole = await peakOf(() => {
      const { output, attention } = attend(queries, keys, values, hidden?.(), noTap, "llm.0");
      return [output, attention.mean(1).sum(1)];
    });
    const parts = await peakOf(() => {
      const { output, received } = attendInParts(queries, keys, values, hidden, noTap, "llm.0", { received: true });
      return [output, received as tf.Tensor2D];
    });
    expect(relativeError(parts.values[0], whole.values[0])).toBeLessThan(1e-6);
    expect(relativeError(parts.values[1], whole.values[1])).toBeLessThan(1e-6);
    expect(parts.peak).toBeGreaterThan(0);
    expect(parts.peak).toBeLessThan(0.8 * whole.peak);
    tf.dispose([queries, keys, values, hidden?.() ?? []]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("has the same gradients", () => {
    tf.tidy(() => {
      const [queries, keys, values, up] = [q(), k(), v(), filled(1, 4, TOKENS, 8)];
      const of = (how: typeof attend | typeof attendInParts) =>
        tf.grads((a, b, c) => {
          const { output } = how(a as tf.Tensor4D, b as tf.Tensor4D, c as tf.Tensor4D, undefined, noTap, "llm.0");
          return output.mul(up).sum();
        })([queries, keys, values]);
      const [whole, parts] = [of(attend), of(attendInParts)];
      for (const i of [0, 1, 2]) expect(relativeError(parts[i].dataSync(), whole[i].dataSync())).toBeLessThan(1e-5);
    });
  });

  it("shows the output to a tap, and all of the attention to one that looks at it", () => {
    tf.tidy(() => {
      const [queries, keys, values] = [q(), k(), v()];
      for (const name of ["llm.0.z", "llm.0.attention", "llm.0.attention_scores"] as const) {
        const recorder = record([name]);
        attendInParts(queries, keys, values, undefined, recorder.tap, "llm.0");
        expect(recorder.get(name).shape).toEqual([1, 4, TOKENS, name === "llm.0.z" ? 8 : TOKENS]);
        recorder.dispose();
      }
    });
  });
});

it("a decoder layer of 2,900 tokens and 32 heads, as LLaVA-NeXT has, takes a part of one matrix of attention", async () => {
  const TOKENS = 2900;
  const model = tinyModel({ text: { hidden_size: 256, num_attention_heads: 32, num_key_value_heads: 32 } });
  const slots = Array.from({ length: TOKENS }, (_, id) => ({ kind: "text" as const, id: 1, position: [id] }));
  const x = filled(1, 1, TOKENS, 256).squeeze<tf.Tensor3D>([0]);
  const { peak, values } = await peakOf(() => {
    const range = { from: 0, to: 1, sequence: [slots], watch: [0] };
    const { x: left, attention } = runLayers(model, x, range, noTap);
    return [left, (attention.get(0) as ByRows)([[TOKENS - 1]])];
  });
  expect(values[1]).toHaveLength(32 * TOKENS);
  expect(peak).toBeLessThan(0.3 * 4 * 32 * TOKENS ** 2);
  disposeModel(model);
  x.dispose();
});

describe("the tower of a tiny Qwen2.5-VL on a picture of 4096 patches", () => {
  it("says the same whether a tap looks at the attention or not, and takes less memory where none does", async () => {
    const { model } = tinyFamily("qwen2_5_vl");
    const { patch_size: side } = CONFIGS.qwen2_5_vl.vision_config;
    const pixels = filled(4096, 6 * side * side);
    const seenWith = (tap: Tap) =>
      peakOf(() => {
        const [{ grids }] = runSync(() => model.encode({ pixels, sizes: [[1, 64, 64]] }, tap));
        const { features, clsAttention, keyNorms } = grids[0];
        return [features, clsAttention, keyNorms];
      });
    const recorder = record(["vision.3.attention"]);
    const [whole, parts] = [await seenWith(recorder.tap), await seenWith(noTap)];
    recorder.dispose();
    for (const i of [0, 1, 2]) expect(relativeError(parts.values[i], whole.values[i])).toBeLessThan(1e-6);
    expect(parts.peak).toBeLessThan(0.6 * whole.peak);
    disposeModel(model);
    pixels.dispose();
  });
});
