import * as tf from "@tensorflow/tfjs";
import { normal, type Random } from "../../core/random-numbers.ts";
import { layerNorm, linear } from "../../model/transformer/layers.ts";
import { weightsTree } from "../../model/weights.ts";
import { COLOURS, SHAPES, SIZES } from "../../world/attributes.ts";
import { SHAPE_COUNTS } from "../../world/scene.ts";
import { EMBEDDING_SPREAD } from "./initial.ts";
import type { Miniature, Seen } from "./miniature.ts";
import type { PatchTargets, VisionBatch } from "./patch-targets.ts";

/**
 * Pretraining of the vision tower with dense targets: every patch predicts what it shows and the box of that, a class
 * token what the picture holds. Which hidden states the heads read is the miniature's matter. What makes visual tokens
 * (projector, merger) is taught at the same time to put each near the embeddings of the words for what it shows
 * (LLaVA's feature alignment).
 */

/** Sizes of the groups of attributes, in the order of the head's outputs. */
const GROUPS = [COLOURS.length, SHAPES.length, SIZES.length] as const;
/** Weights of the groups in the loss: colours are learnt first, shapes last. */
const GROUP_WEIGHTS = [0.5, 2, 1] as const;
/** Words that a shape is described with: colour, shape and size. */
export const ATTRIBUTE_WORDS: readonly string[] = [...COLOURS, ...SHAPES, ...SIZES];
const ATTRIBUTES = ATTRIBUTE_WORDS.length;
const COUNTS = SHAPE_COUNTS.most - SHAPE_COUNTS.least + 1;
/** In the norms of the heads. */
const EPSILON = 1e-5;
/** Name of the embeddings of {@link ATTRIBUTE_WORDS} that the projector is aligned with. */
export const ALIGNED_WORDS = "pretraining.words";

/** New heads, which are dropped after pretraining, by name. */
export function pretrainingHeads(miniature: Miniature, random: Random): Map<string, tf.Tensor> {
  const { towerWidth: width, config } = miniature;
  const gaussian = (shape: [number, number], spread: number) =>
    tf.tensor2d(
      Float32Array.from({ length: shape[0] * shape[1] }, () => spread * normal(random)),
      shape,
    );
  const heads = new Map<string, tf.Tensor>();
  for (const head of miniature.heads) {
    const at = `pretraining.${head}`;
    heads.set(`${at}.norm.weight`, tf.ones([width]));
    heads.set(`${at}.norm.bias`, tf.zeros([width]));
    heads.set(`${at}.patch.weight`, gaussian([ATTRIBUTES + 5, width], width ** -0.5));
    heads.set(`${at}.patch.bias`, tf.zeros([ATTRIBUTES + 5]));
    heads.set(`${at}.class.weight`, gaussian([COLOURS.length + SHAPES.length + COUNTS, width], width ** -0.5));
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
  readonly whole: tf.Tensor2D | undefined;
}

/** Loss of a batch, and its parts for the log. */
export function pretrainingLoss(
  miniature: Miniature,
  tensors: ReadonlyMap<string, tf.Tensor>,
  batch: VisionBatch,
): tf.Scalar {
  const { states, tokens } = miniature.see(tensors, batch.images);
  const parts = states.map((state) => headLoss(predict(tensors, state), batch));
  const width = miniature.config.text.hiddenSize;
  const words = tensors.get(ALIGNED_WORDS) as tf.Tensor2D;
  const likeness = tf.matMul(tokens.reshape([-1, width]), words, false, true).mul(2 * width ** -0.5); // [I·N, words]
  return tf.addN([...parts, wordLoss(likeness as tf.Tensor2D, batch.cells)]) as tf.Scalar;
}

function predict(
  tensors: ReadonlyMap<string, tf.Tensor>,
  { head, patches, whole }: Seen["states"][number],
): Predictions {
  const w = weightsTree(tensors).at("pretraining", head);
  const normed = (x: tf.Tensor3D) => layerNorm(w.at("norm"), x, EPSILON);
  return {
    patches: linear(w.at("patch"), normed(patches)).reshape([-1, ATTRIBUTES + 5]),
    whole: whole && linear(w.at("class"), normed(whole)).squeeze([1]),
  };
}

function headLoss({ patches, whole }: Predictions, batch: VisionBatch): tf.Scalar {
  const targets = batch.patches;
  const words = wordLoss(patches.slice([0, 0], [-1, ATTRIBUTES]), targets);
  const shown = binaryLoss(patches.slice([0, ATTRIBUTES], [-1, 1]), targets.shown).mean();
  // Boxes in tenths of the picture's side, so that a patch is about one unit; beyond one unit the loss is linear.
  const off = patches
    .slice([0, ATTRIBUTES + 1])
    .sub(targets.boxes)
    .mul(targets.shown)
    .abs(); // [I·N, 4]
  const near = tf.minimum(off, 1);
  const boxes = near
    .mul(off.sub(near.mul(0.5)))
    .sum()
    .div(targets.shownCount);
  if (!whole) return tf.addN([words, shown, boxes]) as tf.Scalar;
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
function wordLoss(logits: tf.Tensor2D, { attributes, shownCount }: PatchTargets): tf.Scalar {
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
  /** The number of shapes; only where there is a class token to say it. */
  readonly count?: number;
}

/** How well the heads on the features that LLaVA reads do on a batch; reads from the backend. */
export async function pretrainingFigures(
  miniature: Miniature,
  tensors: ReadonlyMap<string, tf.Tensor>,
  { images, patches: wanted, counts }: VisionBatch,
): Promise<VisionFigures> {
  const results = tf.tidy(() => {
    const { patches, whole } = predict(tensors, miniature.see(tensors, images).states[0]);
    const targets = tf.split(wanted.attributes, [...GROUPS], 1);
    const shown = wanted.shown.squeeze<tf.Tensor1D>([1]);
    const right = tf
      .split(patches.slice([0, 0], [-1, ATTRIBUTES]), [...GROUPS], 1)
      .map((group, i) => group.argMax(1).equal(targets[i].argMax(1)).toFloat().mul(shown).sum().div(wanted.shownCount));
    const there = patches.slice([0, ATTRIBUTES], [-1, 1]).greater(0).toFloat().equal(wanted.shown).toFloat().mean();
    const off = patches
      .slice([0, ATTRIBUTES + 1])
      .sub(wanted.boxes)
      .abs()
      .mul(wanted.shown)
      .sum();
    const figures = [...right, there, off.div(wanted.shownCount).div(40)];
    const said = whole?.slice([0, COLOURS.length + SHAPES.length]).argMax(1);
    return tf.stack(said ? [...figures, said.equal(counts.argMax(1)).toFloat().mean()] : figures);
  });
  const [colour, shape, size, shown, box, count] = await results.data();
  results.dispose();
  return { colour, shape, size, shown, box, ...(count === undefined ? {} : { count }) };
}
