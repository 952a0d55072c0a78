import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { currentRun, type Readback, readback, run, runSync, tensorsIn } from "../../src/core/readback.ts";

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

it("the run under way is the outer one again when one inside it has begun", async () => {
  const seen: unknown[] = [];
  let inner: Promise<unknown> | undefined;
  await run(function* () {
    seen.push(currentRun());
    inner = run(function* () {
      seen.push(currentRun());
      return yield* readback(tf.ones([1]));
    });
    seen.push(currentRun());
    return yield* readback(tf.ones([1]));
  });
  await inner;
  expect(seen[0]).toBeDefined();
  expect(seen[1]).not.toBe(seen[0]);
  expect(seen[2]).toBe(seen[0]);
  expect(currentRun()).toBeUndefined();
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

describe("two runs at once", () => {
  /** Reads what it makes step by step; what it made before a reading is used behind it. */
  const counting = (start: number) =>
    function* (): Readback<tf.Tensor> {
      let x: tf.Tensor = tf.fill([4], start);
      for (let step = 0; step < 5; step++) {
        const [value] = yield* readback(x);
        x = x.add(value);
      }
      return x;
    };

  it("do not take each other's tensors, nor those of whoever goes on meanwhile", async () => {
    const before = tf.memory().numTensors;
    const one = run(counting(1));
    const two = run(counting(3));
    const meanwhile = tf.ones([2]);
    const results = await Promise.all([one, two]);
    expect(tf.memory().numTensors).toBe(before + 3);
    expect(results.map((x) => [...x.dataSync()])).toEqual([Array(4).fill(32), Array(4).fill(96)]);
    expect([...meanwhile.dataSync()]).toEqual([1, 1]);
    tf.dispose([...results, meanwhile]);
  });

  it("go on when the other fails", async () => {
    const before = tf.memory().numTensors;
    const failing = function* (): Readback<tf.Tensor> {
      yield* readback(tf.ones([3]).add(1));
      throw new Error("midway");
    };
    const [failed, x] = await Promise.allSettled([run(failing), run(counting(1))]);
    expect(failed.status).toBe("rejected");
    if (x.status === "rejected") throw x.reason;
    expect([...x.value.dataSync()]).toEqual(Array(4).fill(32));
    x.value.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

it("leaves a tensor that is kept", async () => {
  const before = tf.memory().numTensors;
  const kept: tf.Tensor[] = [];
  await run(function* () {
    kept.push(tf.keep(tf.ones([2])));
    yield* readback(tf.zeros([1]));
  });
  expect([...kept[0].dataSync()]).toEqual([1, 1]);
  kept[0].dispose();
  expect(tf.memory().numTensors).toBe(before);
});
