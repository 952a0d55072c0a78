import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import type { Slot } from "../../../src/core/slots.ts";
import { causalMask } from "../../../src/model/transformer/sequence.ts";
import { COMPARED, noTensorflow, on } from "./backends.ts";

/** Numbers at the edge that the sources count on; docs/backends.md tells where backends differ. */
const BACKENDS = [...COMPARED.filter(({ absent }) => !absent).map(({ name }) => name), "cpu" as const];

describe.each(BACKENDS)(
  `what the model counts on, on %s${noTensorflow ? " (tensorflow is not set up)" : ""}`,
  (name) => {
    const values = async (make: () => tf.Tensor) => [...(await on(name, () => [make()]))[0].values];

    it("gives a row that is masked whole a finite softmax, where −Infinity would give NaN", async () => {
      const padding: Slot[] = [null, null, null];
      const masked = () => tf.tensor4d([3, -20, 7], [1, 1, 1, 3]).add(causalMask([padding], 1)?.() as tf.Tensor);
      expect(await values(() => tf.softmax(masked()))).toEqual([1 / 3, 1 / 3, 1 / 3].map(Math.fround));
      expect(await values(() => tf.softmax(tf.fill([1, 3], -Infinity)))).toEqual([NaN, NaN, NaN]);
    });

    it("gives a masked place a weight of exactly 0, however high its score", async () => {
      const slots: Slot[] = [{ kind: "text", id: 1, position: [0] }, null];
      const scores = () => tf.tensor4d([-40, 40], [1, 1, 1, 2]).add(causalMask([slots], 1)?.() as tf.Tensor);
      expect(await values(() => tf.softmax(scores()))).toEqual([1, 0]);
    });

    it("lets NaN through every op on the way, so that a broken weight shows in the logits", async () => {
      const broken = () => tf.tensor2d([[NaN, 1]]);
      for (const op of [tf.relu, tf.step, tf.sigmoid, tf.erf, tf.square, tf.rsqrt, tf.neg, (x: tf.Tensor) => x.mean(1)])
        expect((await values(() => op(broken())))[0], op.name).toBeNaN();
      expect(await values(() => tf.softmax(broken()))).toEqual([NaN, NaN]);
      expect(await values(() => tf.matMul(broken(), tf.tensor2d([[0], [1]])))).toEqual([NaN]);
    });

    it("saturates where numbers are extreme: no overflow in sigmoid, erf and softmax", async () => {
      const extreme = () => tf.tensor1d([-1e9, -100, 100, 1e9]);
      expect(await values(() => tf.sigmoid(extreme()).greaterEqual(1e-30).toFloat())).toEqual([0, 0, 1, 1]);
      expect(await values(() => tf.erf(extreme()))).toEqual([-1, -1, 1, 1]);
      expect(await values(() => tf.softmax(extreme()))).toEqual([0, 0, 0, 1]);
    });

    it("keeps 1e-24, the guard of normalizeRows, and its gradient from vanishing", async () => {
      const [root] = await values(() => tf.scalar(1e-24).rsqrt());
      expect(root / 1e12).toBeCloseTo(1, 5);
      const [slope] = await values(() => tf.grad((x) => x.rsqrt())(tf.scalar(1e-24)));
      expect(slope / -0.5e36).toBeCloseTo(1, 5);
    });

    it("refuses an index outside of what is gathered", async () => {
      for (const index of [-1, 3])
        await expect(values(() => tf.gather(tf.ones([3, 2]), tf.tensor1d([index], "int32")))).rejects.toThrow(/not in/);
    });

    it("sums a long row of equal numbers to six digits", async () => {
      const [sum] = await values(() => tf.fill([1, 2 ** 20], 0.1).sum());
      expect(Math.abs(sum / (0.1 * 2 ** 20) - 1)).toBeLessThan(5e-6);
    });
  },
);
