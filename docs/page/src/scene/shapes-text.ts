import { COLOUR_RGB, COLOURS, SHAPES, SIZE_EXTENTS, SIZES, type Size } from "../../../../src/world/attributes.ts";
import { ASPECT } from "../../../../src/world/geometry.ts";
import { type SceneShape, SHAPE_COUNTS } from "../../../../src/world/scene.ts";

/** Shapes as a text for the address: `cross.purple.3600.6500.2100` for each, in 1/10000 of the picture's side. */
export function writeShapes(shapes: readonly SceneShape[] | undefined): string {
  return (shapes ?? [])
    .map(({ shape, colour, box: [x0, y0, x1] }) => [shape, colour, ...[x0, y0, x1 - x0].map(units)].join("."))
    .join("_");
}

/** @returns undefined for a text that is no list of shapes of the world inside the picture */
export function readShapes(text: string): SceneShape[] | undefined {
  const shapes = text.split("_").map((one) => {
    const [shape, colour, ...numbers] = one.split(".");
    const [x, y, width] = numbers.map((number) => Number(number) / 10_000);
    const known = [SHAPES.find((name) => name === shape), COLOURS.find((name) => name === colour)] as const;
    if (!known[0] || !known[1] || ![x, y, width].every((value) => Number.isFinite(value))) return undefined;
    return shapeAt(known[0], known[1], x, y, width);
  });
  const whole = shapes.filter((shape) => shape !== undefined);
  return whole.length === shapes.length && whole.length >= 1 && whole.length <= SHAPE_COUNTS.most ? whole : undefined;
}

/**
 * A shape of the world at a place, in its plain colour.
 *
 * @param width as a share of the picture's side; it makes the shape small, medium or large
 * @returns undefined where it would not lie in the picture
 */
export function shapeAt(
  shape: SceneShape["shape"],
  colour: SceneShape["colour"],
  x: number,
  y: number,
  width: number,
): SceneShape | undefined {
  const height = width * ASPECT[shape];
  if (!(width > 0.02) || x < 0 || y < 0 || x + width > 1 || y + height > 1) return undefined;
  const box = [x, y, x + width, y + height].map((edge) => Math.round(edge * 10_000) / 10_000);
  const [x0, y0, x1, y1] = box;
  return { shape, colour, size: sizeOf(width), box: [x0, y0, x1, y1], rgb: COLOUR_RGB[colour] };
}

/** The word for a width: that of the nearest range in which the world draws. */
function sizeOf(width: number): Size {
  const distance = (size: Size) => {
    const [least, most] = SIZE_EXTENTS[size];
    return Math.max(least - width, width - most, 0);
  };
  return [...SIZES].sort((a, b) => distance(a) - distance(b))[0];
}

function units(share: number): number {
  return Math.round(share * 10_000);
}
