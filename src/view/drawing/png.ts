import sharp from "sharp";

/**
 * A drawing of this project as PNG, two pixels a unit: sharp on screens of high density and in print.
 *
 * @param svg that this program has drawn; it is rendered in this process, without the limits for files of others
 */
export async function renderPng(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg), { density: 144 }).png().toBuffer();
}
