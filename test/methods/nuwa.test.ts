import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { type NuwaOptions, nuwa, VARIANTS } from "../../src/methods/nuwa.ts";
import { runSync } from "../../src/model/reading.ts";
import { noTap } from "../../src/tap.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("Nüwa's parameters", () => {
  /** Anchors on a 6×6 grid whose salience falls along the raster, so that the region size decides. */
  const anchors = (options: Partial<NuwaOptions>): number[] =>
    tf.tidy(() => {
      const method = nuwa({ ...VARIANTS.official, budget: { stage1: 4, stage2: 1 }, cutLayer: 1, ...options });
      const salience = tf.tensor2d([Array.from({ length: 36 }, (_, patch) => 36 - patch)]);
      const states = Array.from({ length: 4 }, () => tf.ones([1, 37, 2]) as tf.Tensor3D);
      const seen = {
        grid: { rows: 6, columns: 6 },
        hiddenStates: states,
        features: tf.ones([1, 36, 2]) as tf.Tensor3D,
        clsAttention: salience,
        keyNorms: salience,
        classFeature: tf.ones([1, 1, 2]) as tf.Tensor3D,
        featureBlock: 2,
        members: undefined,
        heads: 1,
        project: (x: tf.Tensor3D) => x,
        queriesAndKeys: () => ({ queries: states[0], keys: states[0] }),
      };
      return [...runSync(() => method.selectPatches(seen, noTap)).cells[0]];
    });

  it("has regions of 2×2 patches unless told otherwise", () => {
    expect(anchors({})).toEqual([0, 2, 4, 12]);
    expect(anchors({ regionSize: 2 })).toEqual(anchors({}));
    expect(anchors({ regionSize: 3 })).toEqual([0, 3, 18, 21]);
  });

  it("refuses a score that does not exist, and attention where no layer lies before the cut", () => {
    expect(() => anchors({ stage2: "magic" as never })).toThrow(/stage 2 "magic" does not exist/);
    expect(() => anchors({ cutLayer: 0 })).toThrow(/needs a decoder layer before the cut/);
    expect(anchors({ cutLayer: 0, stage2: "cosine" })).toHaveLength(4);
  });
});
