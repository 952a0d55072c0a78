import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { noTap, record, replace, type Tap } from "../../../src/core/taps.ts";
import { smartSize } from "../../../src/model/qwen2_5-vl/preprocessing.ts";
import { attendInWindows, windowsOf } from "../../../src/model/qwen2_5-vl/windows.ts";
import { relativeError } from "../../support.ts";

describe("windows of the tower", () => {
  it("tile the grid; at its edges they are smaller", () => {
    expect(windowsOf({ rows: 3, columns: 5 }, 2)).toEqual({
      order: [0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14],
      lengths: [4, 4, 2, 2, 2, 1],
    });
    expect(windowsOf({ rows: 1, columns: 3 }, 4)).toEqual({ order: [0, 1, 2], lengths: [3] });
  });
});

describe("attention inside windows", () => {
  beforeAll(async () => {
    await useBackend("wasm");
  });
  const LENGTHS = [3, 2, 3, 1];
  const filled = (seed: number) => tf.randomNormal<tf.Rank.R4>([2, 2, 9, 4], 0, 1, "float32", seed);

  it("is seen by a tap as a row for each patch over its own window, 0 behind shorter ones", () => {
    tf.tidy(() => {
      const [q, k, v] = [1, 2, 3].map(filled);
      const recorder = record(["vision.0.attention", "vision.0.attention_scores", "vision.0.z"]);
      const watched = attendInWindows(q, k, v, LENGTHS, recorder.tap, "vision.0");
      expect(watched.arraySync()).toEqual(attendInWindows(q, k, v, LENGTHS, noTap, "vision.0").arraySync());
      expect(recorder.get("vision.0.z").arraySync()).toEqual(watched.arraySync());
      const seen = recorder.get("vision.0.attention");
      expect(seen.shape).toEqual([2, 2, 9, 3]);
      let start = 0;
      for (const length of LENGTHS) {
        const [own, keys] = [q, k].map((x) => x.slice([0, 0, start, 0], [-1, -1, length, -1]));
        const wanted = tf.softmax(tf.matMul(own.mul(0.5), keys, false, true)).pad([
          [0, 0],
          [0, 0],
          [0, 0],
          [0, 3 - length],
        ]);
        expect(
          relativeError(seen.slice([0, 0, start, 0], [-1, -1, length, -1]).dataSync(), wanted.dataSync()),
        ).toBeLessThan(1e-6);
        start += length;
      }
      expect(tf.softmax(recorder.get("vision.0.attention_scores")).arraySync()).toEqual(seen.arraySync());
      recorder.dispose();
    });
  });

  it.each(["vision.0.attention", "vision.0.attention_scores"] as const)("is seen by a tap of %s alone", (name) => {
    tf.tidy(() => {
      const [q, k, v] = [1, 2, 3].map(filled);
      const recorder = record([name]);
      attendInWindows(q, k, v, LENGTHS, recorder.tap, "vision.0");
      const seen = recorder.get(name);
      expect(seen.shape).toEqual([2, 2, 9, 3]);
      // The last patch is a window of its own: behind it the attention is 0, and scores are those of a mask.
      const [own, ...behind] = seen.slice([0, 0, 8, 0], [1, 1, 1, 3]).dataSync();
      if (name === "vision.0.attention") expect([own, ...behind]).toEqual([1, 0, 0]);
      else expect(behind).toEqual([-1e9, -1e9]);
      recorder.dispose();
    });
  });

  it("can be replaced: a patch that looks at the first of its window alone has its value", () => {
    tf.tidy(() => {
      const [q, k, v] = [1, 2, 3].map(filled);
      const first = replace({
        "vision.0.attention": (x) => tf.oneHot(tf.zeros(x.shape.slice(0, 3), "int32"), 3).toFloat(),
      });
      const z = attendInWindows(q, k, v, LENGTHS, first, "vision.0");
      const rows = tf.tensor1d([0, 0, 0, 3, 3, 5, 5, 5, 8], "int32");
      expect(z.arraySync()).toEqual(tf.gather(v, rows, 2).arraySync());
    });
  });

  it("has the gradients of the unwatched one where a tap looks on", () => {
    tf.tidy(() => {
      const all = [1, 2, 3].map(filled);
      const of = (tap: Tap) =>
        tf.grads((a, b, c) =>
          attendInWindows(a as tf.Tensor4D, b as tf.Tensor4D, c as tf.Tensor4D, LENGTHS, tap, "vision.0")
            .square()
            .sum(),
        )(all);
      const recorder = record(["vision.0.attention"]);
      const [watched, plain] = [of(recorder.tap), of(noTap)];
      for (const i of [0, 1, 2]) expect(relativeError(watched[i].dataSync(), plain[i].dataSync())).toBeLessThan(1e-5);
      recorder.dispose();
    });
  });
});

describe("the size that a picture is stretched to", () => {
  const bounds = { least: 3136, most: 1003520 };
  it.each([
    // 126/28 = 4.5 is rounded to the even 4, 154/28 = 5.5 to 6.
    [
      { width: 126, height: 154 },
      { width: 112, height: 168 },
    ],
    [
      { width: 10, height: 10 },
      { width: 56, height: 56 },
    ],
    [
      { width: 4000, height: 1000 },
      { width: 1988, height: 476 },
    ],
  ])("of %o is %o", (size, wanted) => {
    expect(smartSize(size, 28, bounds)).toEqual(wanted);
  });

  // By transformers' smart_resize.
  it.each([
    // As many pixels as the bounds allow, when rounded: 85/28 and 83/28 are near 3.
    [
      { width: 85, height: 83 },
      { least: 3136, most: 7056 },
      { width: 84, height: 84 },
    ],
    [
      { width: 85, height: 83 },
      { least: 7056, most: 99999 },
      { width: 84, height: 84 },
    ],
    [
      { width: 84, height: 84 },
      { least: 3136, most: 7055 },
      { width: 56, height: 56 },
    ],
    [
      { width: 56, height: 56 },
      { least: 3137, most: 9999 },
      { width: 84, height: 84 },
    ],
    // Shrunk, the shorter side would have no cell left.
    [
      { width: 3999, height: 20 },
      { least: 3136, most: 20000 },
      { width: 1988, height: 28 },
    ],
    [
      { width: 30, height: 3000 },
      { least: 3136, most: 40000 },
      { width: 28, height: 1988 },
    ],
  ])("of %o within %o is %o", (size, own, wanted) => {
    expect(smartSize(size, 28, own)).toEqual(wanted);
  });

  it("is refused where one side is more than 200 times the other", () => {
    expect(() => smartSize({ width: 4020, height: 20 }, 28, bounds)).toThrow("4020 × 20 pixels is too narrow");
    expect(smartSize({ width: 4000, height: 20 }, 28, bounds).height).toBe(28);
  });
});
