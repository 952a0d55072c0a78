import sharp from "sharp";
import { UsageError } from "../core/errors.ts";
import { normal, randomFrom } from "../core/random-numbers.ts";
import { sheetSvg } from "./drawing.ts";
import type { Scene } from "./scene.ts";
import { sceneRandom } from "./splits.ts";

/** How many scenes are drawn in one SVG: more is not faster, and cairo needs sides below 32768 px. */
const SHEET = 16;
const LARGEST_SIDE = 2000;

/** Numbers for a scene's noise, independent of its contents (see `sceneRandom`). */
const NOISE_ASPECT = 1;
/** Normal deviates shared by all pictures; each row of a picture starts reading at a random offset. */
const NOISE_TABLE_LENGTH = 2 ** 16;
let noiseTable: Float32Array | undefined;

/**
 * Pixels of scenes: SVG drawn by sharp (librsvg), then each scene's own noise.
 *
 * The work runs in sharp's thread beside JavaScript's, so that the next batch can be drawn while a model
 * trains on this one.
 *
 * @param size width and height in pixels
 * @returns for each scene RGB bytes, row by row: [size, size, 3]
 * @throws UsageError when the size is not an integer of 16..2000
 */
export async function renderScenes(scenes: readonly Scene[], size: number): Promise<Uint8Array[]> {
  if (!Number.isInteger(size) || size < 16 || size > LARGEST_SIDE)
    throw new UsageError(`picture size ${size}: must be an integer from 16 to ${LARGEST_SIDE} pixels.`);
  const pictures: Uint8Array[] = [];
  for (let first = 0; first < scenes.length; first += SHEET) {
    const sheet = scenes.slice(first, first + SHEET);
    const pixels = await sharp(Buffer.from(sheetSvg(sheet, size)))
      .removeAlpha()
      .raw()
      .toBuffer();
    const bytes = size * size * 3;
    sheet.forEach((scene, row) => {
      const picture = pixels.subarray(row * bytes, (row + 1) * bytes);
      addNoise(picture, scene, size);
      pictures.push(picture);
    });
  }
  return pictures;
}

/**
 * A scene as a PNG file, with its noise.
 *
 * @throws UsageError when the size is not an integer of 16..2000
 */
export async function scenePng(scene: Scene, size: number): Promise<Buffer> {
  const [pixels] = await renderScenes([scene], size);
  return sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
}

/** Adds the scene's noise to its pixels in place; values stay in 0..255. */
function addNoise(pixels: Uint8Array, { split, seed, noise }: Scene, size: number): void {
  noiseTable ??= makeNoiseTable();
  const random = sceneRandom(split, seed, NOISE_ASPECT);
  const row = size * 3;
  for (let start = 0; start < pixels.length; start += row) {
    const offset = Math.floor(random() * NOISE_TABLE_LENGTH);
    for (let i = 0; i < row; i++) {
      const value = pixels[start + i] + noise * noiseTable[(offset + i) & (NOISE_TABLE_LENGTH - 1)] + 0.5;
      pixels[start + i] = Math.min(255, Math.max(0, value));
    }
  }
}

function makeNoiseTable(): Float32Array {
  const random = randomFrom(0);
  return Float32Array.from({ length: NOISE_TABLE_LENGTH }, () => normal(random));
}
