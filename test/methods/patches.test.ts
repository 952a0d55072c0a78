import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { patchView } from "../../src/laws/views.ts";
import { meanKeys } from "../../src/methods/patches.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("mean keys", () => {
  it("are means over heads, which stand one after another in a key", () => {
    const keys = [
      [0, 0, 0, 0],
      [1, 2, 5, 10],
      [3, 4, 7, 12],
    ]; // the class token first
    const [means] = tf.tidy(() => meanKeys(patchView({ rows: 1, columns: 2, keys, heads: 2 }), 0).arraySync());
    expect(means).toEqual([
      [3, 6],
      [5, 8],
    ]);
  });
});
