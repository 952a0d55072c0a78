import type { Size } from "../../core/resample.ts";
import type { ImageShape } from "../image-shape.ts";
import type { VisionConfig } from "../llava/config.ts";
import type { LlavaNextConfig } from "./config.ts";
import { bestResolution, type TileGrid, type Unpadded, unpadded } from "./resolution.ts";

/** How a picture becomes tiles and grids. */
export interface Tiling {
  /** Tiles besides that of the whole picture. */
  readonly tiles: TileGrid;
  /** Cells of a tile on each side (n). */
  readonly side: number;
  /** What is left of their cells without padding. */
  readonly local: Unpadded;
  readonly shape: ImageShape;
}

/**
 * The tiles and grids of a picture. Its visual tokens are those of the base tile, n×n in raster order, and those of the
 * local grid, H'×W', with a newline behind each row; their ids are consecutive. Of a picture that is so narrow that no
 * cell is left of its local grid, the newlines alone are.
 *
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/llava_next/modeling_llava_next.py
 *   (`pack_image_features`)
 */
export function tilingOf(
  size: Size,
  { vision, pinpoints }: Pick<LlavaNextConfig, "pinpoints"> & { vision: Pick<VisionConfig, "imageSize" | "patchSize"> },
): Tiling {
  const [pixels] = vision.imageSize;
  const side = Math.floor(pixels / vision.patchSize);
  const resolution = bestResolution(size, pinpoints);
  const tiles = { rows: resolution.height / pixels, columns: resolution.width / pixels };
  const local = unpadded(size, { rows: tiles.rows * side, columns: tiles.columns * side });
  const base = side * side;
  const { rows, columns } = local;
  const cells = Array.from({ length: rows * columns }, (_, i) => [base + i + Math.floor(i / columns)]);
  const shape: ImageShape = {
    grids: [{ rows: side, columns: side }, ...(cells.length > 0 ? [{ rows, columns }] : [])],
    tiles: [1, ...(cells.length > 0 ? [tiles.rows * tiles.columns] : [])],
    extraTokens: 0,
    offsets: [...Array.from({ length: base }, (_, id) => [id]), ...cells],
    separators: Array.from({ length: rows }, (_, row) => ({
      after: base + (row + 1) * columns - 1,
      offset: [base + row * (columns + 1) + columns],
    })),
    length: base + rows * (columns + 1),
  };
  return { tiles, side, local, shape };
}
