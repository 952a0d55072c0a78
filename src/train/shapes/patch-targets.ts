import * as tf from "@tensorflow/tfjs";
import type { Grid } from "../../core/grid.ts";
import type { ImageInputs } from "../../model/vlm.ts";
import { COLOURS, SHAPES, SIZES } from "../../world/attributes.ts";
import { patchLabels } from "../../world/labels.ts";
import { SHAPE_COUNTS } from "../../world/scene.ts";
import type { Miniature } from "./miniature.ts";
import type { PaintedScene } from "./unnamed-colours.ts";

/** What the patches of a grid show. I images of N patches. */
export interface PatchTargets {
  /**
   * One 1 for the colour, one for the shape and one for the size of what a patch shows; none for a colour without
   * a name: [I·N, colours + shapes + sizes].
   */
  readonly attributes: tf.Tensor2D;
  /** 1 where a patch shows a shape: [I·N, 1]. */
  readonly shown: tf.Tensor2D;
  /** How many patches show a shape, at least 1. */
  readonly shownCount: tf.Scalar;
  /**
   * Box of the shape that a patch shows, in tenths of the picture's side, from the picture's corner or, where a tower
   * does not know places, from the middle of the patch: [I·N, 4].
   */
  readonly boxes: tf.Tensor2D;
}

/** Pictures with dense targets. */
export interface VisionBatch {
  readonly images: ImageInputs;
  /** Of the tower's patches. */
  readonly patches: PatchTargets;
  /** Of the visual tokens; the same object where each patch is one. */
  readonly cells: PatchTargets;
  /** Which named colours and which shapes are in the picture: [I, colours + shapes]. */
  readonly present: tf.Tensor2D;
  /** One 1 for the number of shapes: [I, counts]. */
  readonly counts: tf.Tensor2D;
}

/** The targets of scenes as tensors, with their pixels; the caller frees them by {@link disposeBatch}. */
export function visionBatch(
  scenes: readonly PaintedScene[],
  images: ImageInputs,
  { patches: grid, cells, knowsPlaces }: Pick<Miniature, "patches" | "cells" | "knowsPlaces">,
): VisionBatch {
  const [colours, kinds] = [COLOURS.length, COLOURS.length + SHAPES.length];
  const countWidth = SHAPE_COUNTS.most - SHAPE_COUNTS.least + 1;
  const present = new Float32Array(scenes.length * kinds);
  const counts = new Float32Array(scenes.length * countWidth);
  scenes.forEach(({ scene, named }, image) => {
    for (const { colour, shape } of scene.shapes) {
      if (named) present[image * kinds + COLOURS.indexOf(colour)] = 1;
      present[image * kinds + colours + SHAPES.indexOf(shape)] = 1;
    }
    counts[image * countWidth + scene.shapes.length - SHAPE_COUNTS.least] = 1;
  });
  const patches = patchTargets(scenes, grid, knowsPlaces);
  return {
    images,
    patches,
    cells: cells.rows === grid.rows ? patches : patchTargets(scenes, cells, knowsPlaces),
    present: tf.tensor2d(present, [scenes.length, kinds]),
    counts: tf.tensor2d(counts, [scenes.length, countWidth]),
  };
}

/** Frees a batch. */
export function disposeBatch({ images, patches, cells, present, counts }: VisionBatch): void {
  tf.dispose([images.pixels, ...Object.values(patches), ...Object.values(cells), present, counts]);
}

function patchTargets(scenes: readonly PaintedScene[], { rows, columns }: Grid, knowsPlaces: boolean): PatchTargets {
  const patches = rows * columns;
  const total = scenes.length * patches;
  const [colours, kinds] = [COLOURS.length, COLOURS.length + SHAPES.length];
  const width = kinds + SIZES.length;
  const attributes = new Float32Array(total * width);
  const shown = new Float32Array(total);
  const boxes = new Float32Array(total * 4);
  scenes.forEach(({ scene, named }, image) => {
    patchLabels(scene, rows, columns).object.forEach((label, cell) => {
      if (label === 0) return;
      const at = image * patches + cell;
      const { colour, shape, size, box } = scene.shapes[label - 1];
      shown[at] = 1;
      if (named) attributes[at * width + COLOURS.indexOf(colour)] = 1;
      attributes[at * width + colours + SHAPES.indexOf(shape)] = 1;
      attributes[at * width + kinds + SIZES.indexOf(size)] = 1;
      const middle = [((cell % columns) + 0.5) / columns, (Math.floor(cell / columns) + 0.5) / rows];
      box.forEach((side, i) => {
        boxes[at * 4 + i] = (knowsPlaces ? side : side - middle[i % 2]) * 10;
      });
    });
  });
  return {
    attributes: tf.tensor2d(attributes, [total, width]),
    shown: tf.tensor2d(shown, [total, 1]),
    shownCount: tf.scalar(
      Math.max(
        1,
        shown.reduce((sum, one) => sum + one, 0),
      ),
    ),
    boxes: tf.tensor2d(boxes, [total, 4]),
  };
}
