import * as tf from "@tensorflow/tfjs";
import { randomFrom, sampleWithoutReplacement } from "../../core/random-numbers.ts";
import { normalizeRows } from "../../model/transformer/layers.ts";
import type { Vlm } from "../../model/vlm.ts";
import { COORDINATE_BINS, quantiseBox } from "../../world/coordinates.ts";
import type { Scene } from "../../world/scene.ts";

/** Settings of {@link coordinatesLoss}. */
export interface CoordinatesLoss {
  /** Spread of the targets, in bins. */
  readonly coordinateSpread: number;
  /** Id of the first coordinate token. */
  readonly firstCoordinate: number;
}

/** The four edges of a box, x0, y0, x1 and y1, each with a fixed shuffle of the channels of its own. */
const EDGES = 4;
/** Logits per unit of cosine similarity, so that a token in the direction of a bin is nearly sure of it. */
const SHARPNESS = 24;

/**
 * Cross-entropy of the four edges of the shape that each visual token shows, read from the projected
 * token with the decoder's own output vectors of the coordinate tokens; a fixed shuffle of the channels
 * keeps the four edges apart. It makes the projector write coordinates in the form in which the decoder
 * answers with them: trained on answers alone it learns what things are and drops where they are.
 *
 * @param visual projected tokens, [I, N, Hd]
 * @param objects for each picture 0 or i + 1 for the i-th shape of its scene, [N] (see `patchLabels`)
 */
export function coordinatesLoss(
  model: Vlm,
  visual: tf.Tensor3D,
  scenes: readonly Scene[],
  objects: readonly Int32Array[],
  { coordinateSpread, firstCoordinate }: CoordinatesLoss,
): tf.Scalar {
  const [, patches, width] = visual.shape;
  const shown = objects.flatMap((list, image) =>
    Array.from(list).flatMap((object, patch) =>
      object === 0 ? [] : [{ row: image * patches + patch, bins: quantiseBox(scenes[image].shapes[object - 1].box) }],
    ),
  );
  const rows = tf.gather(
    visual.reshape([-1, width]),
    tf.tensor1d(
      shown.map(({ row }) => row),
      "int32",
    ),
  ); // [R, Hd]
  const head = model.weights.at("language_model.lm_head").tensor("weight"); // [V, Hd]
  const words = normalizeRows(head.slice([firstCoordinate, 0], [COORDINATE_BINS + 1, -1])); // [101, Hd]
  const unit = normalizeRows(rows);
  const losses = Array.from({ length: EDGES }, (_, edge) => {
    const order = sampleWithoutReplacement(width, width, randomFrom(edge));
    const shuffled = tf.gather(unit, tf.tensor1d(order, "int32"), 1) as tf.Tensor2D;
    const logits = tf.matMul(shuffled, words as tf.Tensor2D, false, true).mul(SHARPNESS); // [R, 101]
    const targets = gaussians(
      shown.map(({ bins }) => bins[edge]),
      coordinateSpread,
    );
    return tf.logSoftmax(logits).mul(targets).sum().div(-shown.length);
  });
  return tf.addN(losses).div(EDGES) as tf.Scalar;
}

/** Rows that are Gaussians around bins: [R, 101], each row summing to 1. */
function gaussians(bins: readonly number[], spread: number): tf.Tensor2D {
  const count = COORDINATE_BINS + 1;
  const values = new Float32Array(bins.length * count);
  bins.forEach((bin, row) => {
    const gaussian = Array.from({ length: count }, (_, other) => Math.exp(-0.5 * ((other - bin) / spread) ** 2));
    const sum = gaussian.reduce((all, one) => all + one, 0);
    gaussian.forEach((one, other) => {
      values[row * count + other] = one / sum;
    });
  });
  return tf.tensor2d(values, [bins.length, count]);
}
