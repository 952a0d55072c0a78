import type { Box } from "../core/boxes.ts";
import type { Rgb } from "./attributes.ts";
import { secondToneAt } from "./background.ts";
import { covers } from "./geometry.ts";
import type { Scene } from "./scene.ts";

/** Width and height of a scene's file in pixels: five times what the shipped model sees. */
export const SCENE_FILE_SIDE = 480;

/** Points along each side of a pixel at which is looked: 16 a pixel. */
const POINTS = 4;
const WHOLE: Box = [0, 0, 1, 1];

/**
 * The pixels of a scene without its noise, the same to the bit under Node and in a browser, which `renderScenes` with
 * its library of Node's is not. A pixel's colour is the mean of those at 4 × 4 points in it.
 *
 * @param side width and height in pixels
 * @returns RGB bytes, row by row: [side, side, 3]
 */
export function rasterScene({ background, shapes }: Pick<Scene, "background" | "shapes">, side: number): Uint8Array {
  const pixels = new Uint8Array(side * side * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = background.tone[i % 3];
  if (background.texture !== "plain")
    paint(pixels, side, WHOLE, background.secondTone, (x, y) => secondToneAt(background, x, y));
  for (const { shape, box, rgb } of shapes) paint(pixels, side, box, rgb, (x, y) => covers(shape, box, x, y));
  return pixels;
}

/** Paints an area over what is there. */
function paint(
  pixels: Uint8Array,
  side: number,
  [x0, y0, x1, y1]: Box,
  rgb: Rgb,
  isInside: (x: number, y: number) => boolean,
): void {
  const [left, top] = [x0, y0].map((edge) => Math.max(0, Math.floor(edge * side)));
  const [right, bottom] = [x1, y1].map((edge) => Math.min(side, Math.ceil(edge * side)));
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const share = coverage(side, row, column, isInside);
      const at = 3 * (row * side + column);
      for (let channel = 0; channel < 3; channel++) {
        const below = pixels[at + channel];
        pixels[at + channel] = Math.round(below + share * (rgb[channel] - below));
      }
    }
  }
}

/** Share of a pixel's points that lie inside an area. */
function coverage(side: number, row: number, column: number, isInside: (x: number, y: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < POINTS; i++) {
    const y = (row + (i + 0.5) / POINTS) / side;
    for (let j = 0; j < POINTS; j++) if (isInside((column + (j + 0.5) / POINTS) / side, y)) count++;
  }
  return count / (POINTS * POINTS);
}
