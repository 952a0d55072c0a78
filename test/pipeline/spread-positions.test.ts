import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import type { SampleLedger } from "../../src/methods/ledger.ts";
import { sourcesOf, spreadPositions } from "../../src/methods/nuwa/positions.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { rasterShape } from "../../src/model/image-shape.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { rotaryAngles } from "../../src/model/transformer/rope.ts";
import { visualSlots } from "../../src/model/transformer/sequence.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { leaked } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("ids that are spread over the frequencies of a token", () => {
  /** Cosines of the pairs of one token, with frequencies that are all 1. */
  const cosines = (position: readonly number[], ropeSections: readonly number[]) =>
    tf.tidy(() => {
      const half = ropeSections.reduce((sum, pairs) => sum + pairs, 0);
      const { cos } = rotaryAngles([[position]], { headDim: 2 * half, ropeTheta: 1, ropeSections });
      return [...cos.dataSync().slice(0, half)].map((value) => Math.round(value * 1e4));
    });
  const of = (...ids: number[]) => ids.map((id) => Math.round(Math.cos(id) * 1e4));

  it("divide the pairs in equal parts, one after the other", () => {
    expect(cosines([1, 2], [6])).toEqual(of(1, 1, 1, 2, 2, 2));
    expect(cosines([7], [4])).toEqual(of(7, 7, 7, 7));
  });

  it("divide the sections of each axis: with 8 ids, 16 and 24 pairs in parts of 2 and 3", () => {
    // The id of part j is (10j, 10j + 1, 10j + 2) on the three axes.
    const ids = Array.from({ length: 8 }, (_, part) => [10 * part, 10 * part + 1, 10 * part + 2]).flat();
    const wanted = [
      ...Array.from({ length: 16 }, (_, i) => 10 * Math.floor(i / 2)),
      ...Array.from({ length: 24 }, (_, i) => 10 * Math.floor(i / 3) + 1),
      ...Array.from({ length: 24 }, (_, i) => 10 * Math.floor(i / 3) + 2),
    ];
    expect(cosines(ids, [16, 24, 24])).toEqual(of(...wanted));
  });

  it("alternate where they do not divide a section", () => {
    expect(cosines([1, 2, 3], [4])).toEqual(of(1, 2, 3, 1));
    expect(cosines([1, 2, 3, 4], [2])).toEqual(of(1, 2));
  });

  it("are those of the cells of the largest weights, repeated where there are fewer than eight", () => {
    const weights = Float32Array.of(0, 0.5, 0.2, 0, 0.9, 0.5);
    expect(sourcesOf(weights)).toEqual([4, 1, 5, 2]);
    expect(sourcesOf(new Float32Array(20).fill(1))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(sourcesOf(undefined)).toBeUndefined();
    const shape = rasterShape({ rows: 2, columns: 3 });
    const ids = (sources: number[]) => spreadPositions(sources, 10, shape)?.map(([id]) => id);
    expect(ids([4, 1, 5])).toEqual([14, 11, 15, 14, 11, 15, 14, 11]);
    expect(ids([4])).toEqual([14]);
    expect(ids([])).toBeUndefined();
  });
});

describe("the position policy ppe", () => {
  let model: Llava;
  let pixels: tf.Tensor4D;
  beforeAll(() => {
    model = tinyModel({ text: { head_dim: 16 } });
    pixels = tf.randomNormal([1, 3, 16, 16], 0, 1, "float32", 3);
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });
  const pass = (positions: "original" | "ppe", tokens: number, name = "nuwa") =>
    runSync(() => {
      const method = createMethod(name, model.config, { average: { tokens }, positions });
      return forward(model, { pixels, prompts: [[1, 7, 3, 9, 11]] }, method);
    });

  it("gives a collector the ids of its sources, in falling order of their weights, and a pillar its own alone", () => {
    const result = pass("ppe", 6);
    tf.dispose(tensorsIn(result));
    const { tokens } = result.ledgers[0] as SampleLedger;
    const collectors = tokens.filter(({ pillar }) => !pillar);
    expect(collectors.length).toBeGreaterThan(0);
    expect(collectors.length).toBeLessThan(tokens.length);
    for (const { row, cell, position, parts } of visualSlots(result.state.layers[0].sequence)[0]) {
      // As under original ids: two tokens stand before the image.
      expect(position).toEqual([2 + cell]);
      const { pillar, weights } = tokens[row];
      const ids = parts?.map(([id]) => id) ?? [];
      if (pillar) expect(ids).toEqual([2 + cell]);
      else {
        expect(ids).toHaveLength(8);
        const own = ids.map((id) => weights?.[id - 2] as number);
        const distinct = own.slice(0, new Set(ids).size);
        expect([...distinct].sort((a, b) => b - a)).toEqual(distinct);
        expect(distinct.every((weight) => weight > 0)).toBe(true);
        expect(ids[0]).toBe(2 + cell);
      }
    }
  });

  it("is original where tokens are their cells alone, and another model where they are mixtures", () => {
    const logits = (positions: "original" | "ppe", tokens: number, name?: string) =>
      tf.tidy(() => [...pass(positions, tokens, name).logits.dataSync()]);
    expect(logits("ppe", 16)).toEqual(logits("original", 16));
    expect(logits("ppe", 6, "divprune")).toEqual(logits("original", 6, "divprune"));
    expect(logits("ppe", 6)).not.toEqual(logits("original", 6));
  });

  it("leaves no tensor behind", async () => {
    expect(await leaked(() => tf.dispose(tensorsIn(pass("ppe", 6))))).toBe(0);
  });
});
