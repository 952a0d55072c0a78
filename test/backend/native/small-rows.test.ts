import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { turnHalves } from "../../../src/backend/fused.ts";
import { useBackend } from "../../../src/backend/select.ts";
import { TESTED_BACKENDS } from "../../support.ts";
import { draw, expectClose, onBoth } from "./on-both.ts";

const has = TESTED_BACKENDS.includes("tensorflow");

describe.skipIf(!has)(`small rows on tensorflow${has ? "" : ": the native backend is not set up"}`, () => {
  // What a test draws is freed behind it.
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([
    [1, 1],
    [3, 5],
    [2, 3000],
  ])("are added, multiplied and put through a sigmoid: [%d, %d]", async (rows, width) => {
    const two = () => [1, 2].map((seed) => draw([rows, width], seed));
    for (const op of [tf.add, tf.mul]) {
      const [own, wanted] = await onBoth(() => (op as typeof tf.add)(...(two() as [tf.Tensor, tf.Tensor])));
      expect(own).toEqual(wanted);
    }
    await expectClose(() => tf.sigmoid(two()[0]));
    await expectClose(() => tf.sigmoid(tf.fill([rows, width], -200)));
  });

  it("of other shapes or kinds are left to the op", async () => {
    await expectClose(() => draw([3, 5], 1).add(draw([5], 2)));
    await expectClose(() => draw([3, 1], 1).mul(draw([3, 5], 2)));
    const [sums] = await onBoth(() => tf.tensor1d([2 ** 24, 1], "int32").add(tf.tensor1d([1, 1], "int32")));
    expect([...sums]).toEqual([2 ** 24 + 1, 2]);
    const [cells] = await onBoth(() => tf.tensor1d([2 ** 24 + 1, 3], "int32").reshape([2, 1]));
    expect([...cells]).toEqual([2 ** 24 + 1, 3]);
    const [joined] = await onBoth(() => tf.concat([tf.tensor1d([2 ** 24 + 1], "int32"), tf.tensor1d([5], "int32")]));
    expect([...joined]).toEqual([2 ** 24 + 1, 5]);
  });

  it("keep their values in another shape, as copies", async () => {
    await useBackend("tensorflow");
    const x = draw([2, 6], 1);
    const turned = x.reshape([-1, 3, 2]);
    expect(turned.shape).toEqual([2, 3, 2]);
    expect(turned.dataSync()).toEqual(x.dataSync());
    expect(turned.dataSync()).not.toBe(x.dataSync());
    tf.dispose([x, turned]);
  });

  it.each([
    [2, 3, 5, 6],
    [3, 2, 1, 16],
    [2, 4, 40, 16],
  ])("are turned by the angles of their own sample: [%d, %d, %d, %d]", async (batch, heads, tokens, width) => {
    const x = draw([batch, heads, tokens, width], 1) as tf.Tensor4D;
    const [cos, sin] = [2, 3].map((seed) => draw([batch, 1, tokens, width], seed) as tf.Tensor4D);
    const [own, wanted] = await onBoth(() => turnHalves(x, cos, sin));
    expect(own).toEqual(wanted);
  });
});
