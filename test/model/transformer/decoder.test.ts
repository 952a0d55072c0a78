import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { noTap } from "../../../src/core/taps.ts";
import { attentionByRows, byRows } from "../../../src/model/transformer/attention.ts";
import { attendingAhead, decoderLayer } from "../../../src/model/transformer/decoder.ts";
import { linear, rmsNorm } from "../../../src/model/transformer/layers.ts";
import { rotaryAngles } from "../../../src/model/transformer/rope.ts";
import { relativeError } from "../../support.ts";
import { tinyModel } from "../../support-tiny.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("a decoder layer", () => {
  it("norms before the MLP with the model's own epsilon", () => {
    // An epsilon as large as the activations themselves, and an attention that adds nothing.
    const silenced = "language_model.model.layers.0.self_attn.o_proj.weight";
    const model = tinyModel({ text: { rms_norm_eps: 0.5 } }, (tensors) => {
      const weight = tensors.get(silenced) as tf.Tensor;
      tensors.set(silenced, tf.zerosLike(weight));
      weight.dispose();
    });
    tf.tidy(() => {
      const x = tf.randomNormal([1, 3, 16], 0, 0.5, "float32", 5);
      const rotation = rotaryAngles([[[0], [1], [2]]], model.config.text);
      const { x: y } = decoderLayer(model, 0, x, { rotation, mask: undefined }, noTap);
      const w = model.weights.at("language_model.model.layers", 0);
      const normed = rmsNorm(w.at("post_attention_layernorm"), x, 0.5);
      const gate = linear(w.at("mlp.gate_proj"), normed);
      const wanted = x.add(
        linear(w.at("mlp.down_proj"), gate.mul(tf.sigmoid(gate)).mul(linear(w.at("mlp.up_proj"), normed))),
      );
      expect(relativeError(y.dataSync(), wanted.dataSync())).toBeLessThan(1e-5);
    });
    tf.dispose([...model.tensors.values()]);
  });

  it("pays the attention that is foreseen one layer ahead, behind its mask", () => {
    const model = tinyModel();
    tf.tidy(() => {
      const x = tf.randomNormal([1, 3, 16], 0, 1, "float32", 5);
      const rotation = rotaryAngles([[[0], [1], [5]]], model.config.text);
      const mask = byRows(tf.tensor4d([0, -1e9, -1e9, 0, 0, -1e9, -1e9, 0, 0], [1, 1, 3, 3]));
      const { attending } = decoderLayer(model, 1, x, { rotation, mask }, noTap, undefined, true);
      const ahead = attentionByRows(attendingAhead(model, 1, x, { rotation, mask }), mask);
      expect(ahead().arraySync()).toEqual(attending?.attention?.arraySync());
      expect(ahead([[0]]).arraySync()).toEqual([Array(4).fill([[1, 0, 0]])]);
    });
    tf.dispose([...model.tensors.values()]);
  });
});
