import * as tf from "@tensorflow/tfjs";
import type { VisionConfig } from "../../model/llava/config.ts";
import { COLOURS, SHAPES, SIZES } from "../../world/attributes.ts";
import { patchLabels } from "../../world/labels.ts";
import { SHAPE_COUNTS } from "../../world/scene.ts";
import type { PaintedScene } from "./unnamed-colours.ts";

/** Pictures with dense targets. I images of N patches. */
export interface VisionBatch {
  /** [I, 3, H, W], normalised */
  readonly pixels: tf.Tensor4D;
  /**
   * One 1 for the colour, one for the shape and one for the size of what a patch shows; none for a colour without
   * a name: [I·N, colours + shapes + sizes].
   */
  readonly attributes: tf.Tensor2D;
  /** 1 where a patch shows a shape: [I·N, 1]. */
  readonly shown: tf.Tensor2D;
  /** How many patches show a shape, at least 1. */
  readonly shownCount: tf.Scalar;
  /** Box of the shape that a patch shows, in tenths of the picture's side: [I·N, 4]. */
  readonly boxes: tf.Tensor2D;
  /** Which named colours and which shapes are in the picture: [I, colours + shapes]. */
  readonly present: tf.Tensor2D;
  /** One 1 for the number of shapes: [I, counts]. */
  readonly counts: tf.Tensor2D;
}

/** The targets of scenes as tensors, with their pixels (see `pixelsOf`); the caller frees them. */
export function visionBatch(scenes: readonly PaintedScene[], pixels: tf.Tensor4D, vision: VisionConfig): VisionBatch {
  const [rows, columns] = vision.imageSize.map((side) => side / vision.patchSize);
  const patches = rows * columns;
  const total = scenes.length * patches;
  const [colours, kinds] = [COLOURS.length, COLOURS.length + SHAPES.length];
  const width = kinds + SIZES.length;
  const countWidth = SHAPE_COUNTS.most - SHAPE_COUNTS.least + 1;
  const attributes = new Float32Array(total * width);
  const shown = new Float32Array(total);
  const boxes = new Float32Array(total * 4);
  const present = new Float32Array(scenes.length * kinds);
  const counts = new Float32Array(scenes.length * countWidth);
  scenes.forEach(({ scene, named }, image) => {
    for (const { colour, shape } of scene.shapes) {
      if (named) present[image * kinds + COLOURS.indexOf(colour)] = 1;
      present[image * kinds + colours + SHAPES.indexOf(shape)] = 1;
    }
    counts[image * countWidth + scene.shapes.length - SHAPE_COUNTS.least] = 1;
    patchLabels(scene, rows, columns).object.forEach((label, cell) => {
      if (label === 0) return;
      const at = image * patches + cell;
      const { colour, shape, size, box } = scene.shapes[label - 1];
      shown[at] = 1;
      if (named) attributes[at * width + COLOURS.indexOf(colour)] = 1;
      attributes[at * width + colours + SHAPES.indexOf(shape)] = 1;
      attributes[at * width + kinds + SIZES.indexOf(size)] = 1;
      box.forEach((side, i) => {
        boxes[at * 4 + i] = side * 10;
      });
    });
  });
  return {
    pixels,
    attributes: tf.tensor2d(attributes, [total, width]),
    shown: tf.tensor2d(shown, [total, 1]),
    shownCount: tf.scalar(
      Math.max(
        1,
        shown.reduce((sum, one) => sum + one, 0),
      ),
    ),
    boxes: tf.tensor2d(boxes, [total, 4]),
    present: tf.tensor2d(present, [scenes.length, kinds]),
    counts: tf.tensor2d(counts, [scenes.length, countWidth]),
  };
}
