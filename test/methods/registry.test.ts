import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { METHOD_POINTS } from "../../src/core/tap-points.ts";
import { record } from "../../src/core/taps.ts";
import { random } from "../../src/methods/random.ts";
import { createMethod, METHOD_NAMES, methodNamed } from "../../src/methods/registry.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { askedFor, configOf } from "../support-methods.ts";
import { tinyModel } from "../support-tiny.ts";
import { chosen } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

const config = configOf(12, 8);

describe("the registry", () => {
  it.each(METHOD_NAMES)("knows which points %s passes", (name) => {
    const model = tinyModel();
    const { taps } = methodNamed(name);
    const method = createMethod(name, model.config, askedFor(name, 0.5));
    const recorder = record(METHOD_POINTS);
    const pixels = tf.randomNormal([1, 3, 16, 16], 0, 1, "float32", 7);
    tf.dispose(tensorsIn(runSync(() => forward(model, { pixels, prompts: [[1, 3, 9]] }, method, recorder.tap))));
    expect(METHOD_POINTS.filter((point) => recorder.has(point))).toEqual(taps);
    recorder.dispose();
    pixels.dispose();
    disposeModel(model);
  });

  it.each(METHOD_NAMES)("knows which ids %s gives when none are asked for", (name) => {
    expect(createMethod(name, config).positions).toBe(methodNamed(name).positions);
    expect(createMethod(name, config, { positions: "rpme" }).positions).toBe("rpme");
  });

  it("refuses names that do not exist", () => {
    expect(() => createMethod("constructor", config)).toThrow(
      /method "constructor" does not exist\. There are: none, nuwa/,
    );
    expect(() => createMethod("nuwa", config, { positions: "sideways" as never })).toThrow(/positions "sideways"/);
  });

  it("cuts before layer 2 for FastV, and before layer 1 in decoders of fewer than 16 layers", () => {
    const cuts = [15, 16, 32].map((layers) => [...createMethod("fastv", configOf(24, layers)).cuts.keys()]);
    expect(cuts).toEqual([[1], [2], [2]]);
  });

  it("lets PruMerge+ absorb an eighteenth of the patches, 32 of 576", () => {
    const method = (side: number) => createMethod("prumerge", configOf(side, 32), { average: { tokens: 3 } });
    for (const [side, neighbours] of [
      [24, 32],
      [12, 8],
    ]) {
      const { weights } = chosen(method(side), { rows: side, columns: side });
      expect(weights?.[0].filter((weight) => weight > 0)).toHaveLength(1 + neighbours);
    }
  });

  it("draws at random with seed 44 unless another is given", () => {
    const shown = { rows: 24, columns: 24 };
    const cells = (seed?: number) =>
      chosen(createMethod("random", configOf(24, 32), { average: { tokens: 64 }, seed }), shown).cells;
    for (const seed of [44, 7]) expect(cells(seed)).toEqual(chosen(random({ keep: 64, seed }), shown).cells);
    expect(cells()).toEqual(cells(44));
  });
});
