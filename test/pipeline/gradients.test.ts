import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { recordReadbacks, replay, tensorsIn } from "../../src/core/readback.ts";
import { loadModel } from "../../src/io/load.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { expected, fixturePath, relativeError, TESTED_BACKENDS } from "../support.ts";

describe.each(TESTED_BACKENDS)("gradients with pruning on, on %s", (backend) => {
  const want = expected("square");
  const prompts = [want.integers("input_ids")];
  let model: Vlm;
  let pixels: tf.Tensor4D;
  const unit = (x: tf.Tensor) => x.div(x.norm());
  const logit = (index: number) => (result: ForwardResult) =>
    result.logits.flatten().slice([index], [1]).squeeze() as tf.Scalar;

  beforeAll(async () => {
    await useBackend(backend);
    model = loadModel(fixturePath("square"));
    pixels = tf.tensor4d(want.floats("pixel_values"), [1, ...(want.shape("pixel_values") as [number, number, number])]);
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });

  it("are PyTorch's, for pixels, projector, tower and decoder", async () => {
    const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 } });
    const names = want.names
      .filter((name) => /^gradient\..*\.weight$/.test(name))
      .map((name) => name.slice("gradient.".length));
    expect(names).toHaveLength(3);
    const of = [pixels, ...names.map((name) => model.tensors.get(name) as tf.Tensor)];
    const { gradients: found, value } = await gradients(
      model,
      { pixels, prompts },
      method,
      logit(want.integers("gradient.logit_index")[0]),
      of,
    );
    expect(relativeError(found[0].dataSync(), want.floats("gradient.pixel_values"))).toBeLessThan(1e-4);
    names.forEach((name, i) => {
      expect(relativeError(found[i + 1].dataSync(), want.floats(`gradient.${name}`)), name).toBeLessThan(1e-4);
    });
    tf.dispose([value, ...found]);
  });

  it.each(["official", "paper"] as const)("reach every weight that the logit depends on (%s)", async (variant) => {
    const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 }, variant });
    const names = [...model.tensors.keys()];
    const of = names.map((name) => model.tensors.get(name) as tf.Tensor);
    const { gradients: found, value } = await gradients(model, { pixels, prompts }, method, logit(7), of);
    const zero = names.filter((_, i) => found[i].dataSync().every((v) => v === 0));
    const broken = names.filter((_, i) => !found[i].dataSync().every(Number.isFinite));
    expect(broken).toEqual([]);
    // A key bias shifts all scores of a row alike, so that its exact gradient is zero.
    expect(zero.filter((name) => !name.endsWith("k_proj.bias"))).toEqual([]);
    tf.dispose([value, ...found]);
  });

  it("equal finite differences with the selections held fixed", async () => {
    const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 }, variant: "paper" });
    const { gradients: found, value } = await gradients(model, { pixels, prompts }, method, logit(7), [pixels]);
    const { result, values } = await recordReadbacks(() => forward(model, { pixels, prompts }, method));
    const at = (x: tf.Tensor4D) =>
      logit(7)(replay(() => forward(model, { pixels: x, prompts }, method), values)).dataSync()[0];
    for (const seed of [1, 2, 3]) {
      // Half along the gradient, so that the slope stands out of float32's rounding, half at random.
      const direction = tf.tidy(() =>
        unit(unit(found[0]).add(unit(tf.randomNormal(pixels.shape, 0, 1, "float32", seed)))),
      );
      const step = 2e-3;
      const [plus, minus] = [step, -step].map((h) => tf.tidy(() => at(pixels.add(direction.mul(h)) as tf.Tensor4D)));
      const along = tf.tidy(() => found[0].mul(direction).sum().dataSync()[0]);
      expect((plus - minus) / (2 * step) / along).toBeCloseTo(1, 1);
      direction.dispose();
    }
    tf.dispose([value, ...found, ...tensorsIn(result)]);
  });

  it("leave no tensor behind besides what they return", async () => {
    const before = tf.memory().numTensors;
    const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 } });
    const { gradients: found, value } = await gradients(model, { pixels, prompts }, method, logit(0), [pixels]);
    expect(tf.memory().numTensors - before).toBe(2);
    tf.dispose([value, ...found]);
    await expect(gradients(model, { pixels, prompts }, method, () => tf.scalar(1), [pixels])).rejects.toThrow(
      /does not depend/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});
