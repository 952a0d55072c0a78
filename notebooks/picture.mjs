/*
 * Shows what the notebooks draw with the functions of the package. Plain JavaScript: Jupyter's kernel hands it to Node as it is.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

/**
 * A file of the repository, wherever the notebook is run from.
 *
 * @param {string} path from the repository's root, such as "weights/shapes"
 * @returns {string} the absolute path
 */
export function inRepository(path) {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/**
 * Shows a picture. A script keeps it in `notebooks/pictures/`, or in the folder that it is started with
 * (`npx tsx NOTEBOOK FOLDER`), and prints its path; Jupyter shows it below the cell.
 *
 * @param {string} name of the file, without ending
 * @param {string} title what the picture shows
 * @param {string} svg
 */
export async function picture(name, title, svg) {
  const png = await sharp(Buffer.from(svg)).png({ compressionLevel: 9, palette: true }).toBuffer();
  // tslab, the kernel, shows pictures by a module of its own.
  const kernel = Reflect.get(globalThis, "__tslab__");
  if (kernel) return kernel.require("tslab").display.png(png);
  const folder = process.argv[2] ?? inRepository("notebooks/pictures");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.png`), png);
  console.log(`![${title}](pictures/${name}.png)`);
}
