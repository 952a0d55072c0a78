import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../../src/core/readback.ts";
import { createMethod } from "../../../src/methods/registry.ts";
import { project } from "../../../src/model/llava/projector.ts";
import { taps } from "../../../src/model/llava/taps.ts";
import { activations } from "../../../src/model/transformer/activations.ts";
import { linear } from "../../../src/model/transformer/layers.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { firstGrid, relativeError } from "../../support.ts";
import { tinyModel } from "../../support-tiny.ts";

const pixels = () =>
  tf.tensor4d(
    Float32Array.from({ length: 768 }, (_, i) => Math.sin(1.7 * i)),
    [1, 3, 16, 16],
  );

beforeAll(async () => {
  await useBackend("wasm");
});

describe("the vision tower", () => {
  it.each([
    [0, 0, 0],
    [1, 1, 0],
    [3, 3, 2],
    [-1, 3, 2],
    [-2, 2, 1],
    [-4, 0, 0],
  ])("with vision_feature_layer %d shows hidden state %d and the attention of block %d", (layer, state, block) => {
    const model = tinyModel({ top: { vision_feature_layer: layer } });
    tf.tidy(() => {
      let wanted: tf.Tensor | undefined;
      const tap = <T extends tf.Tensor>(name: string, x: T): T => {
        if (name === `vision.${block}.attention`) wanted = tf.keep(x.clone());
        return x;
      };
      const seen = firstGrid(model.encode({ pixels: pixels() }, tap));
      expect([...seen.features.dataSync()]).toEqual([...seen.meanState(state, state).dataSync()]);
      const fromClass = (wanted as tf.Tensor).slice([0, 0, 0, 1], [1, 2, 1, 16]).sum(1);
      expect(relativeError(seen.clsAttention.dataSync(), fromClass.dataSync())).toBeLessThan(1e-6);
      wanted?.dispose();
    });
    disposeModel(model);
  });

  it('keeps the class token in front with "full", which runs unpruned and is refused by Nüwa', () => {
    const model = tinyModel({ top: { vision_feature_select_strategy: "full" } });
    const image = pixels();
    const pass = (name: string) =>
      runSync(() =>
        forward(
          model,
          { pixels: image, prompts: [[1, 3, 5]] },
          createMethod(name, model.config, { average: { ratio: 0.5 } }),
        ),
      );
    const result = pass("none");
    expect(result.ledgers[0]?.tokens.map(({ cell }) => cell)).toEqual(Array.from({ length: 17 }, (_, i) => i - 1));
    tf.dispose(tensorsIn(result));
    for (const [own, shape] of [
      [model, "[I, N+1, D]"],
      [tinyModel(), "[I, N, D]"],
    ] as const)
      expect(taps(own.config)["vision.features"]?.shape).toBe(shape);
    expect(() => pass("nuwa")).toThrow(
      /^method nuwa: .*config\.json .*"vision_feature_select_strategy": "full".*Use method/,
    );
    image.dispose();
    disposeModel(model);
  });

  it("projects with the activation that the configuration names", () => {
    const model = tinyModel({ top: { projector_hidden_act: "quick_gelu" } });
    tf.tidy(() => {
      const x = tf.tensor3d(
        Float32Array.from({ length: 32 }, (_, i) => 3 * Math.sin(i)),
        [1, 2, 16],
      );
      const w = model.weights.at("multi_modal_projector");
      const wanted = linear(w.at("linear_2"), activations.quick_gelu(linear(w.at("linear_1"), x)));
      expect(relativeError(project(model, x).dataSync(), wanted.dataSync())).toBeLessThan(1e-6);
    });
    disposeModel(model);
  });
});
