/** The shapes of the world. None is ever turned, so that a square stays a square. */
export const SHAPES = ["circle", "square", "triangle", "star", "cross", "ring"] as const;
export type Shape = (typeof SHAPES)[number];

/**
 * The colours: near the eight corners of the RGB cube, hence as far from one another as eight colours
 * can be. Backgrounds keep to the middle of the cube (see background.ts).
 */
export const COLOURS = ["red", "green", "blue", "yellow", "purple", "cyan", "black", "white"] as const;
export type Colour = (typeof COLOURS)[number];

/** Red, green and blue, 0..255. */
export type Rgb = readonly [number, number, number];

/** What each colour looks like before the jitter of a single shape. */
export const COLOUR_RGB: Readonly<Record<Colour, Rgb>> = {
  red: [228, 32, 32],
  green: [32, 168, 48],
  blue: [32, 56, 228],
  yellow: [236, 220, 32],
  purple: [188, 36, 212],
  cyan: [36, 212, 228],
  black: [20, 20, 20],
  white: [240, 240, 240],
};

/** Largest change of a colour channel from one shape to the next, in levels of 255. */
export const COLOUR_JITTER = 8;

export const SIZES = ["small", "medium", "large"] as const;
export type Size = (typeof SIZES)[number];

/**
 * Width of a shape as a share of the picture's side. The next size is at least 1.4 times as wide, so
 * that no shape lies between two sizes (at 96 px: 13, 21 and 33 px).
 */
export const SIZE_EXTENTS: Readonly<Record<Size, readonly [low: number, high: number]>> = {
  small: [0.132, 0.146],
  medium: [0.208, 0.23],
  large: [0.325, 0.358],
};

/** What can be said of a shape by itself. */
export interface Attributes {
  readonly shape: Shape;
  readonly colour: Colour;
  readonly size: Size;
}
