import type { Box } from "../core/boxes.ts";
import type { Colour, Picture, Rectangle, Size } from "../core/resample.ts";

/** An image as the vision tower sees it. */
export interface PreparedPixels {
  /** `pixel_values`, normalised; the shape depends on the family. LLaVA-1.5: [3, height, width]. */
  readonly pixelValues: { readonly shape: readonly number[]; readonly values: Float32Array };
  /** What else the family's encoder is told of the image, see `ImageInputs.sizes`. */
  readonly size?: readonly number[];
}

/** What the vision tower sees in one grid of an image, to draw on. */
export interface GridPicture extends Picture {
  /** What the grid is called: "base image". Undefined where an image has one only. */
  readonly gridName?: string;
  /** What its cells are called: "patches". */
  readonly cellName: string;
  /** What of it the cells lie on, in pixels from the top left, where that is not all: pixels that fill no patch. */
  readonly inCells?: Size;
  /** What of the image's own pixels it shows, where that is not just all of them; to draw at full resolution. */
  readonly part?: PicturePart;
}

/** A rectangle in an image's own pixels, not always whole ones; what lies outside the image is ground. */
export interface PicturePart extends Rectangle {
  readonly ground?: Colour;
}

/** An image as the vision tower sees it, with pictures to draw on. */
export interface PreparedImage extends PreparedPixels {
  /** Of each grid of the image, before normalisation and without padding that no cell shows. */
  readonly pictures: readonly GridPicture[];
  /** The picture's size in the unit in which models of the family write boxes, see {@link Preprocessing.boxUnitOf}. */
  readonly boxUnit: Size;
}

/** How an image becomes the input of a family's vision tower. */
export interface Preprocessing {
  /** What is done to an image, in words. */
  readonly summary: string;
  /** The longer side of what the tower sees, in pixels: the size at which drawn pictures lose nothing. */
  readonly side: number;
  /** The size of the largest picture that is made on the way. @throws NuwaError when a size is not supported */
  readonly canvasOf: (size: Size) => Size;
  readonly prepare: (picture: Picture) => PreparedImage;
  /**
   * The size of a picture in the unit in which models of the family write boxes: 1 × 1 for fractions, the size to which
   * it is scaled for pixels.
   */
  readonly boxUnitOf: (size: Size) => Size;
  /** A box in what the tower sees, as a box in the picture itself; both as fractions. */
  readonly boxInPicture: (box: Box, size: Size) => Box;
}
