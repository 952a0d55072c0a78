import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { scaleToUnitRms, turnHalves } from "../../src/backend/fused.ts";
import { fusedAttention } from "../../src/backend/fused-attention.ts";
import { useBackend } from "../../src/backend/select.ts";
import { loadTensorflow } from "../../src/backend/tensorflow.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { relativeError } from "../support.ts";

const status = await loadTensorflow();
const random = randomFrom(7);
const draw = (shape: number[]) =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => normal(random)),
    shape,
  );

/** The ops that the fused ones stand for, one by one. */
const rmsInOps = (x: tf.Tensor, w: tf.Tensor) => x.mul(x.square().mean(-1, true).add(1e-6).rsqrt()).mul(w);
const turnInOps = (x: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor) => {
  const [first, second] = tf.split(x, 2, 3);
  return x.mul(cos).add(tf.concat([second.neg(), first], 3).mul(sin));
};

const attendInOps = (q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, mask?: tf.Tensor) => {
  const [batch, heads, queries, width] = q.shape;
  const [, keyValueHeads, keys] = k.shape;
  const group = (x: tf.Tensor) => x.reshape([batch, keyValueHeads, (heads / keyValueHeads) * queries, -1]);
  const scores = tf.matMul(group(q.mul(width ** -0.5)), k, false, true).reshape([batch, heads, queries, keys]);
  return tf.matMul(group(tf.softmax(mask ? scores.add(mask) : scores)), v).reshape<tf.Tensor4D>(q.shape);
};
/** Queries, keys, values and a mask that hides the last key of every sample. */
const attending = (batch: number, heads: number, keyValueHeads: number, queries: number, keys: number) => {
  const [q, k, v] = [
    [batch, heads, queries, 6],
    [batch, keyValueHeads, keys, 6],
    [batch, keyValueHeads, keys, 6],
  ].map((shape) => draw(shape) as tf.Tensor4D);
  const hidden = Array.from({ length: queries * keys }, (_, i) => (i % keys === keys - 1 && keys > 1 ? -1e9 : 0));
  return { q, k, v, mask: tf.tensor(hidden, [1, 1, queries, keys]) };
};

/** The same bits; on tensorflow, where a small norm and attention of one query sum in float64, nearly the same. */
const same = (backend: string, own: tf.Tensor, wanted: tf.Tensor) =>
  backend === "tensorflow"
    ? expect(relativeError(own.dataSync(), wanted.dataSync())).toBeLessThan(5e-7)
    : expect(own.dataSync()).toEqual(wanted.dataSync());

describe.each([
  ["wasm", undefined],
  ["tensorflow", status.loaded ? undefined : status.reason],
  ["cpu", undefined],
] as const)("fused ops on %s", (backend, absent) => {
  it.skipIf(absent).each([
    [1, 64],
    [3, 7],
    [2, 1],
    [5, 4096],
  ])("give what the ops give that they stand for: norm of [%d, %d]", async (rows, width) => {
    await useBackend(backend);
    const [x, w] = [draw([rows, width]), draw([width])];
    const before = tf.memory().numTensors;
    const fused = scaleToUnitRms(x, w, 1e-6);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(fused.shape).toEqual([rows, width]);
    same(backend, fused, rmsInOps(x, w));
  });

  it.skipIf(absent).each([
    [1, 4, 1, 16],
    [2, 3, 5, 6],
    [1, 1, 2, 2],
  ])("give the bits of the ops that they stand for: turn of [%d, %d, %d, %d]", async (batch, heads, tokens, width) => {
    await useBackend(backend);
    const x = draw([batch, heads, tokens, width]) as tf.Tensor4D;
    const [cos, sin] = [1, 2].map(() => draw([batch, 1, tokens, width]) as tf.Tensor4D);
    const before = tf.memory().numTensors;
    const fused = turnHalves(x, cos, sin);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(fused.shape).toEqual(x.shape);
    const [own, wanted] = [fused, turnInOps(x, cos, sin)].map((y) => y.dataSync());
    expect(own).toEqual(wanted);
  });

  it.skipIf(absent || backend === "cpu").each([
    [1, 4, 4, 1, 9],
    [2, 4, 2, 1, 1],
    [2, 6, 2, 3, 5],
    [1, 2, 2, 7, 7],
  ])(
    "give what the ops give that they stand for: attention of %d × %d heads, %d of keys, %d × %d",
    async (...sizes) => {
      await useBackend(backend);
      const { q, k, v, mask } = attending(...sizes);
      for (const hidden of [undefined, mask]) {
        const before = tf.memory().numTensors;
        const fused = fusedAttention(q, k, v, hidden) as tf.Tensor4D;
        expect(tf.memory().numTensors).toBe(before + 1);
        expect(fused.shape).toEqual(q.shape);
        same(backend, fused, attendInOps(q, k, v, hidden));
      }
    },
  );

  it.skipIf(absent || backend === "cpu")("have attention's gradients, once and twice", async () => {
    await useBackend(backend);
    const { q, k, v, mask } = attending(2, 4, 2, 3, 5);
    const up = draw(q.shape);
    const far = (a: tf.Tensor, b: tf.Tensor) => a.sub(b).abs().max().dataSync()[0] / b.abs().max().dataSync()[0];
    const asFour = ([a, b, c, d]: tf.Tensor[]) => [a, b, c, d] as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor?];
    const fused = (...x: tf.Tensor[]) =>
      fusedAttention(...(asFour(x) as Parameters<typeof fusedAttention>)) as tf.Tensor;
    const inOps = (...x: tf.Tensor[]): tf.Tensor => attendInOps(...asFour(x));
    for (const inputs of [
      [q, k, v],
      [q, k, v, mask],
    ]) {
      const [own, wanted] = [fused, inOps].map((f) => tf.grads(f)(inputs, up));
      for (const [i, gradient] of own.entries()) {
        expect(gradient.shape).toEqual(inputs[i].shape);
        expect(far(gradient, wanted[i])).toBeLessThan(5e-6);
      }
    }
    // Against differences: the library's own softmax cannot be differentiated twice.
    const squared = (a: tf.Tensor) =>
      tf
        .grad((x) => fused(x, k, v).mul(up))(a)
        .square()
        .sum();
    const along = draw(q.shape).mul(1e-2);
    const [ahead, behind] = [q.add(along), q.sub(along)].map((x) => squared(x).dataSync()[0]);
    const slope = tf.grad(squared)(q).mul(along).sum().dataSync()[0];
    expect(Math.abs(slope - (ahead - behind) / 2)).toBeLessThan(1e-2 * Math.abs(slope));
  });

  it.skipIf(absent)("turn samples that share their angles", async () => {
    await useBackend(backend);
    const x = draw([3, 2, 5, 6]) as tf.Tensor4D;
    const [cos, sin] = [1, 2].map(() => draw([1, 1, 5, 6]) as tf.Tensor4D);
    const [own, wanted] = [turnHalves(x, cos, sin), turnInOps(x, cos, sin)].map((y) => y.dataSync());
    expect(own).toEqual(wanted);
  });

  it.skipIf(absent)("have their gradients", async () => {
    await useBackend(backend);
    const far = (a: tf.Tensor, b: tf.Tensor) => a.sub(b).abs().max().dataSync()[0] / b.abs().max().dataSync()[0];
    const [x, w, up] = [draw([3, 10]), draw([10]), draw([3, 10])];
    const norm = [(a: tf.Tensor, b: tf.Tensor) => scaleToUnitRms(a, b, 1e-6), rmsInOps].map((f) =>
      tf.grads(f)([x, w], up),
    );
    const shape = [2, 3, 5, 6];
    const [y, cos, sin, upward] = [draw(shape), draw([2, 1, 5, 6]), draw([2, 1, 5, 6]), draw(shape)];
    const fused = (a: tf.Tensor, c: tf.Tensor, s: tf.Tensor) =>
      turnHalves(a as tf.Tensor4D, c as tf.Tensor4D, s as tf.Tensor4D);
    const turn = [fused, turnInOps].map((f) => tf.grads(f)([y, cos, sin], upward));
    for (const [own, wanted] of [norm, turn])
      for (const [i, gradient] of own.entries()) {
        expect(gradient.shape).toEqual(wanted[i].shape);
        expect(far(gradient, wanted[i])).toBeLessThan(2e-6);
      }
  });

  it.skipIf(absent)("can be differentiated twice", async () => {
    await useBackend(backend);
    const [x, w] = [draw([2, 6]), draw([6])];
    const twice = (f: (a: tf.Tensor) => tf.Tensor) =>
      tf.grad((a) =>
        tf
          .grad((b) => f(b).sum())(a)
          .square()
          .sum(),
      )(x);
    const own = twice((a) => scaleToUnitRms(a, w, 1e-6));
    const wanted = twice((a) => rmsInOps(a, w));
    expect(own.sub(wanted).abs().max().dataSync()[0]).toBeLessThan(1e-4);
  });
});

describe.skipIf(!status.loaded)("repaired kernels of the native backend", () => {
  it("give what cpu gives, whatever lists of integers they were given before", async () => {
    const x = draw([2, 3, 4]);
    const values = x.dataSync();
    const work = (y: tf.Tensor): tf.Tensor[] => [
      y.reshape([6, 4]),
      y.reshape([-1]),
      y.slice([0, 0, 0], [1, 1, 1]).reshape([]),
      y.transpose([2, 0, 1]),
      y.transpose(),
      y.slice([0, 1, 2], [2, -1, 1]),
      tf.concat([y, y.slice([0, 0, 0], [1, -1, -1])], 0),
      tf.concat([y, y], 2),
      y.mean(),
      y.mean([0, 2]),
      y.mean(-1, true),
      y.toInt().mean(1),
      y.greater(0).reshape([24]),
    ];
    const on = async (backend: string) => {
      await useBackend(backend);
      return work(tf.tensor(values, [2, 3, 4])).map((y) => ({
        shape: y.shape,
        dtype: y.dtype,
        values: [...y.dataSync()],
      }));
    };
    const [own, again, wanted] = [await on("tensorflow"), await on("tensorflow"), await on("cpu")];
    expect(again).toEqual(own);
    own.forEach((result, i) => {
      expect({ ...result, values: [] }).toEqual({ ...wanted[i], values: [] });
      result.values.forEach((value, at) => {
        expect(value).toBeCloseTo(wanted[i].values[at], 5);
      });
    });
  });

  it("keep no more constants than they say: a thousand other lengths later the first is made anew", async () => {
    await useBackend("tensorflow");
    const x = tf.ones([1100, 2]);
    const first = x.reshape([2, 1100]).shape;
    for (let length = 1; length <= 1050; length++) x.slice([0, 0], [length, 1]).dispose();
    expect(x.reshape([2, 1100]).shape).toEqual(first);
    expect([...x.slice([0, 0], [3, 1]).dataSync()]).toEqual([1, 1, 1]);
  });
});
