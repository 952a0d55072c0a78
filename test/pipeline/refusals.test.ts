import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { loadModel } from "../../src/io/load.ts";
import { loadChatTemplate } from "../../src/io/prompt.ts";
import { openSafetensors, readTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { none } from "../../src/methods/none.ts";
import type { ImageInputs, Vlm } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { pick } from "../../src/pipeline/generate.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { copyOf, nuwa, temporaryFolder } from "../cli/support.ts";
import { noise, tinyFamily } from "../support-families.ts";
import { tinyModel } from "../support-tiny.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** A tiny model of a family with one image. */
function withImage(family: "llava" | "llava_next" | "qwen2_5_vl"): { model: Vlm; inputs: ImageInputs } {
  if (family === "llava") return { model: tinyModel(), inputs: { pixels: tf.zeros([3, 16, 16]) } };
  const { model, preprocessing } = tinyFamily(family);
  return { model, inputs: batchOf([preprocessing.prepare(noise(20, 12))]) };
}

describe("what would go wrong silently, late or for ever is refused", () => {
  it("weights that are not numbers, by file and tensor, and nothing is left behind", () => {
    const folder = copyOf("square");
    const path = join(folder, "model.safetensors");
    const file = openSafetensors(path);
    const tensors = [...file.entries.keys()].map((name) => [name, readTensor(file, name)] as const);
    tensors[tensors.length - 1][1].values[3] = Number.NaN;
    writeSafetensors(path, tensors);
    const before = tf.memory().numTensors;
    expect(() => loadModel(folder)).toThrow(/model\.safetensors: tensor ".+" holds NaN/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("logits that are not numbers", () => {
    expect(() => pick(new Float32Array([1, Number.NaN]))).toThrow(/logits: the score of item 1 is NaN/);
  });

  it.each(["llava", "llava_next", "qwen2_5_vl"] as const)(
    "%s: prompts that fit no image, before the tower runs",
    (family) => {
      const { model, inputs } = withImage(family);
      const encode: Vlm["encode"] = () => {
        throw new Error("the tower ran");
      };
      try {
        const pass = (...ids: number[]) =>
          runSync(() =>
            forward({ ...model, encode }, { ...inputs, prompts: [ids], promptsOrigin: "a: input_ids" }, none()),
          );
        expect(() => pass(1, 5)).toThrow(/a: .* 1 images, but the prompts hold 0/);
        expect(() => pass(1, 3, 3, 5)).toThrow(
          /a: input_ids: holds 2 image tokens .* found a run of 2\. Give one token/,
        );
        expect(() => pass(1, 3, 5000)).toThrow(/a: input_ids: token id 5000 is not in the vocabulary/);
        expect(() => pass(1, 3, 5)).toThrow("the tower ran");
      } finally {
        tf.dispose([inputs.pixels, ...model.tensors.values()]);
      }
    },
  );

  it("pixels of another size, also with as many patches; prompts beyond the positions; ids beyond the vocabulary", () => {
    const model = tinyModel({ text: { max_position_embeddings: 20 } });
    const pass = (shape: [number, number, number, number], prompt: number[]) => {
      const pixels: tf.Tensor4D = tf.zeros(shape);
      try {
        runSync(() => forward(model, { pixels, prompts: [prompt] }, none()));
      } finally {
        pixels.dispose();
      }
    };
    expect(() => pass([1, 3, 8, 32], [1, 3, 5])).toThrow(/pixel_values has shape \[1,3,8,32\]/);
    // 16 visual tokens: positions 0 to 19 are as many as there are, whatever the text, and 20 is one too many.
    expect(() => pass([1, 3, 16, 16], [1, 3, 5, 0, 5])).not.toThrow();
    expect(() => pass([1, 3, 16, 16], [1, 3, 5, 0, 5, 5])).toThrow(
      "a prompt reaches position 21, but the model has max_position_embeddings 20. Make it shorter.",
    );
    const both = [[1, 5], new Array<number>(21).fill(5)];
    expect(() => runSync(() => forward(model, { prompts: both }, none()))).toThrow("a prompt reaches position 21,");
    const start = runSync(() => forward(model, { prompts: [[1, 5]] }, none()));
    expect(() => advance(model, start.state, [[4000]])).toThrow(/token id 4000/);
    expect(() => advance(model, start.state, [[]])).toThrow(/at least 1/);
    tf.dispose([...tensorsIn(start), ...model.tensors.values()]);
  });

  it("a chat template that never ends", () => {
    const folder = temporaryFolder();
    const loop = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}";
    writeFileSync(join(folder, "chat_template.jinja"), loop);
    expect(() => loadChatTemplate(folder, "").render([])).toThrow(
      /chat_template\.jinja: the chat template fails \(takes more than the 5 seconds/,
    );
  });

  it("--top-p without --temperature, and an empty path", async () => {
    const refused = await nuwa("ask", "x.png", "What?", "--top-p", "0.5");
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/needs --temperature/);
    expect(await nuwa("ask", "x.png", "What?", "--out", "")).toMatchObject({ code: 2 });
  });
});
