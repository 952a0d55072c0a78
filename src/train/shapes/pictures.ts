import * as tf from "@tensorflow/tfjs";
import { renderScenes } from "../../world/rendering.ts";
import { type Scene, sceneOf } from "../../world/scene.ts";
import type { Split } from "../../world/splits.ts";

/** Mean and spread of the channels that pixels are normalised with: CLIP's, as in preprocessor_config.json. */
export const PIXEL_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
export const PIXEL_STD = [0.26862954, 0.26130258, 0.27577711] as const;

/** Scenes of consecutive seeds. */
export function scenesFrom(split: Split, first: number, count: number): Scene[] {
  return Array.from({ length: count }, (_, i) => sceneOf(split, first + i));
}

/**
 * Scenes as normalised pixels, channel by channel: [I·3·S·S]. All pictures are begun at once, so that
 * they are drawn in sharp's threads while the backend computes.
 *
 * @param side of a picture in pixels
 */
export async function pixelsOf(scenes: readonly Scene[], side: number): Promise<Float32Array> {
  const sheets: Promise<Uint8Array[]>[] = [];
  for (let first = 0; first < scenes.length; first += 16)
    sheets.push(renderScenes(scenes.slice(first, first + 16), side));
  const pictures = (await Promise.all(sheets)).flat();
  const plane = side * side;
  const values = new Float32Array(pictures.length * 3 * plane);
  pictures.forEach((picture, image) => {
    for (let channel = 0; channel < 3; channel++) {
      const start = (3 * image + channel) * plane;
      const scale = 1 / (255 * PIXEL_STD[channel]);
      const offset = PIXEL_MEAN[channel] / PIXEL_STD[channel];
      for (let i = 0; i < plane; i++) values[start + i] = picture[3 * i + channel] * scale - offset;
    }
  });
  return values;
}

/** Normalised pixels as a tensor, [I, 3, S, S]. */
export function pixelTensor(values: Float32Array, side: number): tf.Tensor4D {
  return tf.tensor4d(values, [values.length / (3 * side * side), 3, side, side]);
}
