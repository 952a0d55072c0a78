import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { noTap } from "../../../src/core/taps.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { firstGrid, relativeError } from "../../support.ts";
import { tinyModel } from "../../support-tiny.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

it("shows the L2 norms of the keys of the block that makes the features", () => {
  const model = tinyModel();
  tf.tidy(() => {
    const seen = firstGrid(model.encode({ pixels: tf.randomNormal([2, 3, 16, 16], 0, 1, "float32", 7) }, noTap));
    const norms = tf.norm(seen.block(seen.featureBlock).keys, 2, 2);
    expect(relativeError(seen.keyNorms.dataSync(), norms.dataSync())).toBeLessThan(1e-6);
  });
  disposeModel(model);
});
