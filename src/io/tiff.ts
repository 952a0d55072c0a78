const PHOTOMETRIC = 262;
const COMPRESSION = 259;
const YCBCR = 6;
const JPEG = 7;

/**
 * The first picture of a TIFF, as a file that links to no others: libvips walks through all of them, of which a small
 * file may have a million.
 *
 * @throws Error when it holds luma and chroma that are not compressed as JPEG: libvips takes them for red, green, blue
 * @see TIFF 6.0, sections 2 and 21; BigTIFF, with the number 43, has longer numbers
 */
export function firstOfTiff(file: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(file);
  const view = new DataView(bytes.buffer);
  const little = view.getUint8(0) === 0x49;
  const tags = new Map<number, number>();
  try {
    const big = view.getUint16(2, little) === 43;
    const offset = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
    const directory = offset(big ? 8 : 4);
    const count = big ? offset(directory) : view.getUint16(directory, little);
    const [head, entry, value] = big ? [8, 20, 12] : [2, 12, 8];
    let at = directory + head;
    for (let i = 0; i < count; i++, at += entry)
      tags.set(view.getUint16(at, little), view.getUint16(at + value, little));
    bytes.fill(0, at, at + (big ? 8 : 4));
  } catch (error) {
    if (error instanceof RangeError) throw new Error("a TIFF that ends before its first picture is described");
    throw error;
  }
  if (tags.get(PHOTOMETRIC) === YCBCR && tags.get(COMPRESSION) !== JPEG)
    throw new Error("a TIFF in YCbCr that is not compressed as JPEG");
  return bytes;
}
