/** What `pixel_values` of a batch hold. */
export interface PixelValues {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Values [..., W] in the opposite order along the last axis: pictures with left and right exchanged. */
export function reversedLines({ shape, values }: PixelValues): Float32Array {
  const width = shape[shape.length - 1];
  return values.map((_, at) => values[opposite(at, width)]);
}

/** The raster index at the other end of the same row of a grid. */
export function opposite(index: number, columns: number): number {
  return index + columns - 1 - 2 * (index % columns);
}
