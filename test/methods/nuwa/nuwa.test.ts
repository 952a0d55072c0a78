import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../../src/core/readback.ts";
import { noTap } from "../../../src/core/taps.ts";
import { type NuwaOptions, nuwa } from "../../../src/methods/nuwa/nuwa.ts";
import { VARIANTS } from "../../../src/methods/nuwa/variants.ts";
import { towerBlock } from "../../../src/model/tower-block.ts";
import { relativeError } from "../../support.ts";
import { madeUpVision } from "../../train/tune/planted.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("Nüwa's parameters", () => {
  /** Anchors on a 6×6 grid whose salience falls along the raster, so that the region size decides. */
  const anchors = (options: Partial<NuwaOptions>): number[] =>
    tf.tidy(() => {
      const method = nuwa({ ...VARIANTS.official, budget: { stage1: 4, stage2: 1 }, cutLayer: 1, ...options });
      const salience = tf.tensor2d([Array.from({ length: 36 }, (_, patch) => 36 - patch)]);
      const state = tf.ones([1, 37, 2]) as tf.Tensor3D;
      const seen = {
        grid: { rows: 6, columns: 6 },
        extraTokens: 0,
        prefixTokens: 1,
        blocks: 3,
        fullAttentionBlocks: [0, 1, 2],
        meanState: () => tf.ones([1, 36, 2]) as tf.Tensor3D,
        features: tf.ones([1, 36, 2]) as tf.Tensor3D,
        clsAttention: salience,
        keyNorms: salience,
        classFeature: tf.ones([1, 1, 2]) as tf.Tensor3D,
        featureBlock: 2,
        members: undefined,
        heads: 1,
        project: (x: tf.Tensor3D) => x,
        image: { grids: [{ rows: 6, columns: 6 }], tiles: [1] },
        share: (count: number) => count,
        block: () =>
          towerBlock({ queries: state, keys: state, heads: 1, prefixTokens: 1, onGrid: (patches) => patches }),
      };
      return [...runSync(() => method.selectPatches(seen, noTap)).cells[0]];
    });

  it("has regions of 2×2 patches unless told otherwise", () => {
    expect(anchors({})).toEqual([0, 2, 4, 12]);
    expect(anchors({ regionSize: 2 })).toEqual(anchors({}));
    expect(anchors({ regionSize: 3 })).toEqual([0, 3, 18, 21]);
  });

  it("may be spelt out: the default constants, and the salience of each variant as an exponent, give the same bits", () => {
    const seen = madeUpVision(3, 2);
    const weightsOf = (options: NuwaOptions) =>
      tf.tidy(() => (runSync(() => nuwa(options).selectPatches(seen, noTap)).weights as tf.Tensor).dataSync());
    for (const [variant, keyNormExponent] of [
      ["official", 0],
      ["paper", 1],
    ] as const) {
      const options = { ...VARIANTS[variant], budget: { stage1: 28, stage2: 7 }, cutLayer: 1 };
      const constants = { distanceFraction: 280 / 1058, similaritySharpness: 1, keyNormExponent };
      const plain = weightsOf(options);
      expect(weightsOf({ ...options, ...constants, selection: "hard" })).toEqual(plain);
      const scalars = tf.tidy(() =>
        Object.entries(constants).map(([name, value]) => [name, tf.scalar(value)] as const),
      );
      const asScalars = weightsOf({
        ...options,
        ...Object.fromEntries(scalars),
        pillarQuantile: options.pillarQuantile,
      });
      expect(relativeError(asScalars, plain)).toBeLessThan(1e-5);
      tf.dispose(scalars.map(([, scalar]) => scalar));
    }
    tf.dispose(tensorsIn(seen));
  });

  it.each([
    [{ selection: "soft" as never }, 'selection "soft" does not exist'],
    [{ temperature: 0 }, "temperature is 0, but must be above 0"],
    [{ distanceFraction: -1 }, "distanceFraction is -1, but must be above 0"],
    [{ similaritySharpness: Number.NaN }, "similaritySharpness is NaN, but must be above 0"],
    [{ keyNormExponent: Number.POSITIVE_INFINITY }, "keyNormExponent is Infinity, but must be a finite number"],
    [{ pillarQuantile: 1.5 }, "pillarQuantile is 1.5, but must be from 0 to 1"],
  ])("refuses %j", (options: Partial<NuwaOptions>, message) => {
    expect(() => anchors(options)).toThrow(message);
  });

  it("refuses a score that does not exist, and attention where no layer lies before the cut", () => {
    expect(() => anchors({ stage2: "magic" as never })).toThrow(/stage 2 "magic" does not exist/);
    expect(() => anchors({ cutLayer: 0 })).toThrow(/needs a decoder layer before the cut/);
    expect(anchors({ cutLayer: 0, stage2: "cosine" })).toHaveLength(4);
  });
});
