import { backgroundSvg, hex } from "./background.ts";
import { centre, corners, RING_HOLE } from "./geometry.ts";
import type { Scene, SceneShape } from "./scene.ts";

/**
 * A scene as an SVG document, without its noise (noise belongs to pixels).
 *
 * @param size width and height in pixels
 */
export function sceneSvg(scene: Scene, size: number): string {
  return sheetSvg([scene], size);
}

/**
 * Several scenes one below the other as one SVG document, so that one call of the renderer draws them all.
 *
 * @param size width and height of each scene in pixels
 */
export function sheetSvg(scenes: readonly Scene[], size: number): string {
  const drawn = scenes.map(
    (scene, row) =>
      `<svg y="${row * size}" width="${size}" height="${size}" viewBox="0 0 1 1">${contents(scene)}</svg>`,
  );
  const [width, height] = [size, size * scenes.length];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${drawn.join("")}</svg>`;
}

function contents({ background, shapes }: Scene): string {
  return backgroundSvg(background) + shapes.map(shapeSvg).join("");
}

function shapeSvg({ shape, box, rgb }: SceneShape): string {
  const points = corners(shape, box);
  if (points) {
    const path = points.map(([x, y]) => `${short(x)},${short(y)}`).join(" ");
    return `<polygon points="${path}" fill="${hex(rgb)}"/>`;
  }
  const [x, y] = centre(box);
  const radius = (box[2] - box[0]) / 2;
  if (shape === "circle") return `<circle cx="${short(x)}" cy="${short(y)}" r="${short(radius)}" fill="${hex(rgb)}"/>`;
  // A ring is a stroke whose outer edge is the box's.
  const stroke = radius * (1 - RING_HOLE);
  const ring = `cx="${short(x)}" cy="${short(y)}" r="${short(radius - stroke / 2)}"`;
  return `<circle ${ring} fill="none" stroke="${hex(rgb)}" stroke-width="${short(stroke)}"/>`;
}

/** Six decimals are a thousandth of a pixel and better at any size in use. */
function short(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
