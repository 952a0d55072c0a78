import type { Box } from "../core/boxes.ts";
import type { Shape } from "./attributes.ts";

type Point = readonly [x: number, y: number];

/** Inner radius of a ring as a share of its outer one. */
export const RING_HOLE = 0.55;
/** Width of a cross's arms as a share of its side. */
const CROSS_ARM = 0.34;
/** Distance of a star's inner corners from its middle, as a share of the outer ones'. */
const STAR_WAIST = 0.45;

/** Height over width of a shape's box: an equilateral triangle, a regular star, and squares. */
export const ASPECT: Readonly<Record<Shape, number>> = {
  circle: 1,
  square: 1,
  triangle: Math.sqrt(3) / 2,
  star: (1 + Math.cos(Math.PI / 5)) / (2 * Math.sin((2 * Math.PI) / 5)),
  cross: 1,
  ring: 1,
};

/** Corners of the shapes made of straight lines, in a box whose sides are 1; each touches all four sides. */
const CORNERS: Readonly<Partial<Record<Shape, readonly Point[]>>> = {
  square: [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ],
  triangle: [
    [0.5, 0],
    [1, 1],
    [0, 1],
  ],
  star: starCorners(),
  cross: crossCorners(),
};

function starCorners(): Point[] {
  const points = Array.from({ length: 10 }, (_, i): Point => {
    const radius = i % 2 === 0 ? 1 : STAR_WAIST;
    return [radius * Math.sin((i * Math.PI) / 5), -radius * Math.cos((i * Math.PI) / 5)];
  });
  const width = 2 * Math.sin((2 * Math.PI) / 5);
  const height = 1 + Math.cos(Math.PI / 5);
  return points.map(([x, y]) => [x / width + 0.5, (y + 1) / height]);
}

function crossCorners(): Point[] {
  const near = (1 - CROSS_ARM) / 2;
  const far = 1 - near;
  return [
    [near, 0],
    [far, 0],
    [far, near],
    [1, near],
    [1, far],
    [far, far],
    [far, 1],
    [near, 1],
    [near, far],
    [0, far],
    [0, near],
    [near, near],
  ];
}

/** The corners of a shape in its box, in drawing order; undefined for the circle and the ring. */
export function corners(shape: Shape, [x0, y0, x1, y1]: Box): Point[] | undefined {
  return CORNERS[shape]?.map(([x, y]) => [x0 + x * (x1 - x0), y0 + y * (y1 - y0)]);
}

/** Whether a point lies on the drawn area of a shape (the hole of a ring is not drawn). */
export function covers(shape: Shape, [x0, y0, x1, y1]: Box, x: number, y: number): boolean {
  const u = (x - x0) / (x1 - x0);
  const v = (y - y0) / (y1 - y0);
  if (u < 0 || u > 1 || v < 0 || v > 1) return false;
  const polygon = CORNERS[shape];
  if (polygon) return insidePolygon(polygon, u, v);
  const distance = 2 * Math.hypot(u - 0.5, v - 0.5);
  return distance <= 1 && (shape === "circle" || distance >= RING_HOLE);
}

/** Even-odd rule: a ray to the right crosses the outline an odd number of times. */
function insidePolygon(polygon: readonly Point[], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < xi + ((y - yi) / (yj - yi)) * (xj - xi)) inside = !inside;
  }
  return inside;
}

/** Middle of a box. */
export function centre([x0, y0, x1, y1]: Box): Point {
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}

/** Whether two boxes are at least `gap` apart, beside or above one another. */
export function apart(a: Box, b: Box, gap: number): boolean {
  return a[2] + gap <= b[0] || b[2] + gap <= a[0] || a[3] + gap <= b[1] || b[3] + gap <= a[1];
}

/** Area of the intersection over the area of the union of two boxes, 0..1; 0 where a box has no area. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const area = ([x0, y0, x1, y1]: Box): number => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  const shared = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return shared === 0 ? 0 : shared / (area(a) + area(b) - shared);
}
