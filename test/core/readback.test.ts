import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { type Readback, readback, run, runSync, tensorsIn } from "../../src/core/readback.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("a reading that fails midway", () => {
  function* failing(): Readback<tf.Tensor> {
    const x = tf.ones([3]).add(1);
    yield* readback(x);
    throw new Error("midway");
  }

  it("frees its tensors and closes its scope, run either way", async () => {
    const before = tf.memory().numTensors;
    await expect(run(failing)).rejects.toThrow("midway");
    expect(() => runSync(failing)).toThrow("midway");
    expect(tf.memory().numTensors).toBe(before);
    // An unclosed scope would take this tensor with it.
    const own = tf.tidy(() => tf.ones([2]));
    expect(tf.memory().numTensors).toBe(before + 1);
    own.dispose();
  });
});

describe("the tensors in a value", () => {
  it("are each found once, however often they and what holds them are shared", () => {
    const x = tf.ones([2]);
    let walks = 0;
    const shared = {
      get deep() {
        walks++;
        return { x };
      },
    };
    expect(tensorsIn([shared, { again: shared }, x, null, new Float32Array(3)])).toEqual([x]);
    expect(walks).toBe(1);
    x.dispose();
  });
});
