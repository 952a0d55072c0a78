import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const FOLDER = new URL("pictures/", import.meta.url);

/**
 * Keeps a picture of a notebook in `notebooks/pictures/` and prints its path; in the `.ipynb` it is shown.
 *
 * @param name of the file, without ending
 * @param svg SVG, or the bytes of a picture
 */
export async function picture(name: string, title: string, svg: string | Uint8Array): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const png = await sharp(Buffer.from(svg)).png({ compressionLevel: 9, palette: true }).toBuffer();
  writeFileSync(fileURLToPath(new URL(`${name}.png`, FOLDER)), png);
  console.log(`![${title}](pictures/${name}.png)`);
}
