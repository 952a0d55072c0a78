import * as tf from "@tensorflow/tfjs";
import type { Slot } from "../../core/slots.ts";
import { noTap } from "../../core/taps.ts";
import { byRows } from "../../model/transformer/attention.ts";
import { embed, finalNorm, lmHead } from "../../model/transformer/decoder.ts";
import { rotaryAngles } from "../../model/transformer/rope.ts";
import { indicesOf, padded, positionIds } from "../../model/transformer/sequence.ts";
import type { Vlm } from "../../model/vlm.ts";
import { runLayers } from "../../pipeline/decoder-loop.ts";
import type { Family } from "../../world/question.ts";
import { type AnswerTarget, blockMask, type PackedPicture } from "./question-packing.ts";

/** Where the first head of some decoder layers is taught to look: at what the question is about. */
export interface Pointing {
  readonly pointingLayers: readonly number[];
  /** Weight of that, for each of these layers. */
  readonly pointingWeight: number;
}

/** How answers count in the loss. */
export interface AnswerLoss extends Pointing {
  /** Weight of each family's answers. */
  readonly weights: Readonly<Record<Family, number>>;
  /** Spread of the targets of coordinate tokens, in bins: a near miss costs less than a far one. */
  readonly coordinateSpread: number;
  /** Id of the least coordinate; those of the other coordinates follow. */
  readonly firstCoordinate: number;
  /** How many coordinates there are. */
  readonly coordinates: number;
}

/**
 * Cross-entropy of the answers of packed questions, answer tokens only.
 *
 * @param visual projected tokens, [I, N, Hd]; the i-th picture's questions are `pictures[i]`
 */
export function answeringLoss(
  model: Vlm,
  visual: tf.Tensor3D,
  pictures: readonly PackedPicture[],
  options: AnswerLoss,
): tf.Scalar {
  const { logits, attention } = answerLogits(model, visual, pictures, options.pointingLayers);
  const targets = softTargets(
    pictures.flatMap((picture) => picture.targets),
    model.config.text.vocabSize,
    options,
  );
  const answers = tf.logSoftmax(logits).mul(targets).sum().neg();
  const pointing = attention.map((weights) => pointingLoss(weights, pictures, options).mul(options.pointingWeight));
  return tf.addN([answers, ...pointing]) as tf.Scalar;
}

/**
 * −log of the attention that one head gives to the patches of what the question is about, at the tokens
 * that predict a word or a coordinate. Finding the shape that is meant is what a small model learns
 * last when it is trained on answers alone.
 *
 * @param attention [B, h, S, S]
 */
export function pointingLoss(
  attention: tf.Tensor4D,
  pictures: readonly PackedPicture[],
  { firstCoordinate }: Pick<AnswerLoss, "firstCoordinate">,
): tf.Scalar {
  const length = attention.shape[3];
  const looking = pictures.flatMap(({ targets }, picture) =>
    targets.flatMap(({ predictorIndex, id, family, subject }, i) => {
      const startsAnswer = i === 0 || targets[i - 1].predictorIndex !== predictorIndex - 1;
      const points = family === "grounding" ? id >= firstCoordinate : startsAnswer;
      return points && subject.length ? [{ row: picture * length + predictorIndex, subject }] : [];
    }),
  );
  if (looking.length === 0) return tf.scalar(0);
  const values = new Float32Array(looking.length * length);
  looking.forEach(({ subject }, i) => {
    for (const index of subject) values[i * length + index] = 1;
  });
  const head = attention.slice([0, 0, 0, 0], [-1, 1, -1, -1]).reshape([-1, length]); // [B·S, S]
  const rows = tf.gather(
    head,
    tf.tensor1d(
      looking.map(({ row }) => row),
      "int32",
    ),
  );
  const mass = rows.mul(tf.tensor2d(values, [looking.length, length])).sum(1);
  return mass.add(1e-6).log().mean().neg() as tf.Scalar;
}

/** What {@link answerLogits} returns. */
export interface AnswerLogits {
  /** At every token that predicts an answer token, picture by picture: [M, V]. */
  readonly logits: tf.Tensor2D;
  /** Attention of the watched layers, each [B, h, S, S]. */
  readonly attention: readonly tf.Tensor4D[];
}

/**
 * The decoder's pass over packed questions.
 *
 * @param visual projected tokens, [I, N, Hd]
 * @param watched layers whose attention is returned
 */
export function answerLogits(
  model: Vlm,
  visual: tf.Tensor3D,
  pictures: readonly PackedPicture[],
  watched: readonly number[] = [],
): AnswerLogits {
  const { text } = model.config;
  const sequence = padded(pictures.map(({ slots }) => slots));
  const length = sequence[0].length;
  const embedded = embed(
    model,
    sequence,
    visual,
    pictures.map(({ slots }, picture) => rowsOf(slots, picture * visual.shape[1])),
  ); // [B, S, Hd]
  const placement = {
    rotation: rotaryAngles(positionIds(sequence, text.ropeSections.length), text),
    mask: byRows(tf.tensor4d(blockMask(pictures, length), [pictures.length, 1, length, length])),
  };
  const range = { from: 0, to: text.numHiddenLayers, sequence, placement, watch: watched };
  const { x, attention } = runLayers(model, embedded, range, noTap);
  const predictors = pictures.flatMap(({ targets }, picture) =>
    targets.map(({ predictorIndex }) => picture * length + predictorIndex),
  );
  const predicting = tf.gather(x.reshape([-1, text.hiddenSize]), tf.tensor1d(predictors, "int32"));
  return {
    logits: lmHead(model, finalNorm(model, predicting)) as tf.Tensor2D,
    attention: [...attention.values()].map((all) => all()),
  };
}

/** The rows of a picture's visual tokens, the first of which is `from`. */
function rowsOf(slots: readonly Slot[], from: number): number[] {
  return indicesOf(slots, "visual").map((_, row) => from + row);
}

/**
 * What each logit row should be, times its weight; the weights sum to 1, so that the loss is a mean.
 *
 * @returns [M, V]
 */
export function softTargets(
  targets: readonly AnswerTarget[],
  vocabulary: number,
  { weights, coordinateSpread, firstCoordinate, coordinates }: Omit<AnswerLoss, keyof Pointing>,
): tf.Tensor2D {
  const values = new Float32Array(targets.length * vocabulary);
  const weightOf = ({ family, answerLength }: AnswerTarget) => weights[family] / Math.sqrt(answerLength);
  const total = targets.reduce((sum, target) => sum + weightOf(target), 0);
  targets.forEach((target, row) => {
    const weight = weightOf(target) / total;
    const bin = target.id - firstCoordinate;
    // A number may be a coordinate in one answer and a count in another.
    if (target.family !== "grounding" || bin < 0 || bin >= coordinates) {
      values[row * vocabulary + target.id] = weight;
      return;
    }
    const halfWidth = Math.ceil(4 * coordinateSpread);
    const near = Array.from({ length: 2 * halfWidth + 1 }, (_, i) => bin - halfWidth + i).filter(
      (other) => other >= 0 && other < coordinates,
    );
    const shares = near.map((other) => Math.exp(-0.5 * ((other - bin) / coordinateSpread) ** 2));
    const sum = shares.reduce((all, share) => all + share, 0);
    near.forEach((other, i) => {
      values[row * vocabulary + firstCoordinate + other] = (weight * shares[i]) / sum;
    });
  });
  return tf.tensor2d(values, [targets.length, vocabulary]);
}
