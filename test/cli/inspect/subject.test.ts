import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { SHIPPED_MODEL } from "../../../src/cli/about.ts";
import { askedSubject, tensorSubject } from "../../../src/cli/inspect/subject.ts";
import { openModel } from "../../../src/io/load.ts";
import { writeSafetensors } from "../../../src/io/safetensors.ts";
import type { ForwardInputs } from "../../../src/pipeline/prefill.ts";
import { writeTinyFamily } from "../../support-families.ts";
import { temporaryFolder } from "../support.ts";

const scene = "docs/images/scene.png";

function valuesOf({ pixels }: ForwardInputs): { shape: number[]; values: Float32Array } {
  const { shape } = pixels as tf.Tensor;
  const values = (pixels as tf.Tensor).dataSync().slice() as Float32Array;
  tf.dispose(pixels);
  return { shape: [...shape], values };
}

describe("the other picture of patching", () => {
  beforeAll(() => useBackend("wasm"));
  const opened = openModel(SHIPPED_MODEL);
  const flipped = join(temporaryFolder(), "flipped.png");

  it("is the same one with left and right exchanged, or the one that is named", async () => {
    await sharp(scene).flop().toFile(flipped);
    const [own, mirror] = [
      await askedSubject(scene, "Why?", undefined, opened),
      await askedSubject(flipped, "Why?", scene, opened),
    ];
    const wanted = valuesOf(mirror.inputs([]));
    expect(valuesOf(own.source([]).inputs)).toEqual(wanted);
    expect(valuesOf(mirror.source([]).inputs)).toEqual(valuesOf(own.inputs([])));
    expect(wanted).not.toEqual(valuesOf(own.inputs([])));
    // What of the answer stands behind the prompt stands there in both.
    expect(own.source([7]).inputs.prompts[0].at(-1)).toBe(7);
  });

  it.each([
    ["llava_next", ["grid 0", "grid 1"]],
    ["qwen2_5_vl", []],
  ] as const)("of tensors of %s is the mirrored one, and two grids have two names", async (family, names) => {
    const folder = join(temporaryFolder(), "model");
    writeTinyFamily(family, folder);
    const tiny = openModel(folder);
    const { inputs, source } = await askedSubject(scene, "Why?", undefined, tiny);
    const { prompts, sizes } = inputs([]);
    const path = join(temporaryFolder(), "inputs.safetensors");
    writeSafetensors(path, [
      ["pixel_values", valuesOf(inputs([]))],
      ["input_ids", { shape: [prompts[0].length], values: Int32Array.from(prompts[0]) }],
      [
        family === "llava_next" ? "image_sizes" : "image_grid_thw",
        { shape: [1, sizes?.[0].length ?? 0], values: Int32Array.from(sizes?.[0] ?? []) },
      ],
    ]);
    const found = tensorSubject(path, tiny);
    expect(found.gridNames).toEqual(names);
    const [mirror, wanted] = [found.source([]).inputs, source([]).inputs].map(valuesOf);
    expect(mirror.shape).toEqual(wanted.shape);
    // Scaling sums in another order.
    mirror.values.forEach((value, i) => {
      if (Math.abs(value - wanted.values[i]) > 0.05) expect([i, value]).toEqual([i, wanted.values[i]]);
    });
  });

  it("of tensors is mirrored along their width; several images are refused before any weight is read", async () => {
    const { inputs } = await askedSubject(scene, "Why?", undefined, opened);
    const { prompts } = inputs([]);
    const { shape, values } = valuesOf(inputs([]));
    const ids = { shape: [prompts[0].length], values: Int32Array.from(prompts[0]) };
    const path = join(temporaryFolder(), "inputs.safetensors");
    writeSafetensors(path, [
      ["pixel_values", { shape, values }],
      ["input_ids", ids],
    ]);
    const width = shape.at(-1) as number;
    const mirrored = values.map((_, at) => values[at - (at % width) + (width - 1 - (at % width))]);
    expect(valuesOf(tensorSubject(path, opened).source([]).inputs)).toEqual({ shape, values: mirrored });
    const twice = { shape: [2, ...shape.slice(-3)], values: Float32Array.of(...values, ...values) };
    writeSafetensors(path, [
      ["pixel_values", twice],
      ["input_ids", { shape: [2 * prompts[0].length], values: Int32Array.from([...prompts[0], ...prompts[0]]) }],
    ]);
    expect(() => tensorSubject(path, opened)).toThrow(
      `${path}: pixel_values: holds 2 images; an analysis is of one. Leave the others out.`,
    );
  });
});
