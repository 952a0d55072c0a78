import * as tf from "@tensorflow/tfjs";
import { normal, type Random } from "../../core/random-numbers.ts";
import { noTap } from "../../core/taps.ts";
import type { LlavaConfig } from "../../model/llava/config.ts";
import { withoutPrefix } from "../../model/llava/encode.ts";
import { createModel } from "../../model/llava/llava.ts";
import { project } from "../../model/llava/projector.ts";
import { visionTower } from "../../model/llava/tower.ts";
import { layerNorm, linear } from "../../model/transformer/layers.ts";
import { weightsTree } from "../../model/weights.ts";
import { COLOURS, SHAPES, SIZES } from "../../world/attributes.ts";
import { SHAPE_COUNTS } from "../../world/scene.ts";
import { EMBEDDING_SPREAD } from "./initial.ts";
import type { VisionBatch } from "./patch-targets.ts";

/**
 * Pretraining of the vision tower with dense targets: every patch predicts what it shows and the box
 * of that, the class token what the picture holds. Heads read the last **two** hidden states. The one
 * before the last is what LLaVA reads; the last one trains the last block too, which LLaVA never
 * uses but which is one of the features that Nüwa's aggregation compares. The projector is taught at
 * the same time to put each patch near the embeddings of the words for what it shows (LLaVA's feature alignment).
 */

/** Sizes of the groups of attributes, in the order of the head's outputs. */
const GROUPS = [COLOURS.length, SHAPES.length, SIZES.length] as const;
/** Weights of the groups in the loss: colours are learnt first, shapes last. */
const GROUP_WEIGHTS = [0.5, 2, 1] as const;
/** Words that a shape is described with: colour, shape and size. */
export const ATTRIBUTE_WORDS: readonly string[] = [...COLOURS, ...SHAPES, ...SIZES];
const ATTRIBUTES = ATTRIBUTE_WORDS.length;
const COUNTS = SHAPE_COUNTS.most - SHAPE_COUNTS.least + 1;
const HEADS = ["features", "last"] as const;
/** Name of the embeddings of {@link ATTRIBUTE_WORDS} that the projector is aligned with. */
export const ALIGNED_WORDS = "pretraining.words";

/** New heads, which are dropped after pretraining, by name. */
export function pretrainingHeads(config: LlavaConfig, random: Random): Map<string, tf.Tensor> {
  const width = config.vision.hiddenSize;
  const gaussian = (shape: [number, number], spread: number) =>
    tf.tensor2d(
      Float32Array.from({ length: shape[0] * shape[1] }, () => spread * normal(random)),
      shape,
    );
  const heads = new Map<string, tf.Tensor>();
  for (const head of HEADS) {
    const at = `pretraining.${head}`;
    heads.set(`${at}.norm.weight`, tf.ones([width]));
    heads.set(`${at}.norm.bias`, tf.zeros([width]));
    heads.set(`${at}.patch.weight`, gaussian([width, ATTRIBUTES + 5], width ** -0.5));
    heads.set(`${at}.patch.bias`, tf.zeros([ATTRIBUTES + 5]));
    heads.set(`${at}.class.weight`, gaussian([width, COLOURS.length + SHAPES.length + COUNTS], width ** -0.5));
    heads.set(`${at}.class.bias`, tf.zeros([COLOURS.length + SHAPES.length + COUNTS]));
  }
  heads.set(ALIGNED_WORDS, gaussian([ATTRIBUTES, config.text.hiddenSize], EMBEDDING_SPREAD));
  return heads;
}

/** What the heads predict about a batch. */
interface Predictions {
  /** [I·N, attributes + 1 + 4]: logits of the words, of there being a shape, and the shape's box. */
  readonly patches: tf.Tensor2D;
  /** [I, colours + shapes + counts]: logits. */
  readonly whole: tf.Tensor2D;
}

/** Loss of a batch, and its parts for the log. */
export function pretrainingLoss(
  config: LlavaConfig,
  tensors: ReadonlyMap<string, tf.Tensor>,
  batch: VisionBatch,
): tf.Scalar {
  const model = createModel(config, tensors);
  const { hiddenStates } = visionTower(model, batch.pixels, noTap);
  const states = [hiddenStates[hiddenStates.length - 2], hiddenStates[hiddenStates.length - 1]];
  const parts = HEADS.map((head, i) => headLoss(predict(tensors, head, states[i], config), batch));
  const tokens = project(model, withoutPrefix(states[0], 1)).reshape([-1, config.text.hiddenSize]); // [I·N, Hd]
  const words = tensors.get(ALIGNED_WORDS) as tf.Tensor2D;
  const likeness = tf.matMul(tokens, words, false, true).mul(2 * config.text.hiddenSize ** -0.5) as tf.Tensor2D;
  return tf.addN([...parts, wordLoss(likeness, batch)]) as tf.Scalar;
}

function predict(
  tensors: ReadonlyMap<string, tf.Tensor>,
  head: (typeof HEADS)[number],
  state: tf.Tensor3D,
  { vision }: LlavaConfig,
): Predictions {
  const w = weightsTree(tensors).at("pretraining", head);
  const normed = layerNorm(w.at("norm"), state, vision.layerNormEps); // [I, N+1, D]
  const patches = linear(w.at("patch"), withoutPrefix(normed, 1));
  return {
    patches: patches.reshape([-1, ATTRIBUTES + 5]),
    whole: linear(w.at("class"), normed.slice([0, 0, 0], [-1, 1, -1])).squeeze([1]),
  };
}

function headLoss({ patches, whole }: Predictions, batch: VisionBatch): tf.Scalar {
  const words = wordLoss(patches.slice([0, 0], [-1, ATTRIBUTES]), batch);
  const shown = binaryLoss(patches.slice([0, ATTRIBUTES], [-1, 1]), batch.shown).mean();
  // Boxes in tenths of the picture's side, so that a patch is about one unit; beyond one unit the loss is linear.
  const off = patches
    .slice([0, ATTRIBUTES + 1])
    .sub(batch.boxes)
    .mul(batch.shown)
    .abs(); // [I·N, 4]
  const near = tf.minimum(off, 1);
  const boxes = near
    .mul(off.sub(near.mul(0.5)))
    .sum()
    .div(batch.shownCount);
  const kinds = COLOURS.length + SHAPES.length;
  const present = binaryLoss(whole.slice([0, 0], [-1, kinds]), batch.present).mean();
  const counts = tf
    .logSoftmax(whole.slice([0, kinds]))
    .mul(batch.counts)
    .sum()
    .div(-whole.shape[0]);
  return tf.addN([words, shown, boxes, present, counts.mul(0.5)]) as tf.Scalar;
}

/** Cross-entropy within each group of attributes, over the patches that show a shape. */
function wordLoss(logits: tf.Tensor2D, { attributes, shownCount }: VisionBatch): tf.Scalar {
  const groups = tf.split(logits, [...GROUPS], 1).map((group, i) => tf.logSoftmax(group).mul(GROUP_WEIGHTS[i]));
  return tf.concat(groups, 1).mul(attributes).sum().div(shownCount).neg() as tf.Scalar;
}

/** −[y·log σ(x) + (1−y)·log(1−σ(x))], in the form that does not overflow. */
function binaryLoss(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.relu(logits).sub(logits.mul(targets)).add(logits.abs().neg().exp().log1p());
}

/** Shares of the patches that show a shape, and of pictures, about which a head is right. */
export interface VisionFigures {
  readonly colour: number;
  readonly shape: number;
  readonly size: number;
  /** Of all patches: whether there is a shape. */
  readonly shown: number;
  /** Mean absolute error of a box's side, in widths of the picture. */
  readonly box: number;
  /** Class token: the number of shapes. */
  readonly count: number;
}

/** How well the heads on the features that LLaVA reads do on a batch; reads from the backend. */
export async function pretrainingFigures(
  config: LlavaConfig,
  tensors: ReadonlyMap<string, tf.Tensor>,
  batch: VisionBatch,
): Promise<VisionFigures> {
  const results = tf.tidy(() => {
    const { hiddenStates } = visionTower(createModel(config, tensors), batch.pixels, noTap);
    const { patches, whole } = predict(tensors, "features", hiddenStates[hiddenStates.length - 2], config);
    const targets = tf.split(batch.attributes, [...GROUPS], 1);
    const shown = batch.shown.squeeze<tf.Tensor1D>([1]);
    const right = tf
      .split(patches.slice([0, 0], [-1, ATTRIBUTES]), [...GROUPS], 1)
      .map((group, i) => group.argMax(1).equal(targets[i].argMax(1)).toFloat().mul(shown).sum().div(batch.shownCount));
    const there = patches.slice([0, ATTRIBUTES], [-1, 1]).greater(0).toFloat().equal(batch.shown).toFloat().mean();
    const off = patches
      .slice([0, ATTRIBUTES + 1])
      .sub(batch.boxes)
      .abs()
      .mul(batch.shown)
      .sum();
    const counts = whole.slice([0, COLOURS.length + SHAPES.length]);
    const count = counts.argMax(1).equal(batch.counts.argMax(1)).toFloat().mean();
    return tf.stack([...right, there, off.div(batch.shownCount).div(40), count]);
  });
  const [colour, shape, size, shown, box, count] = await results.data();
  results.dispose();
  return { colour, shape, size, shown, box, count };
}
