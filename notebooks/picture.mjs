/*
 * What the notebooks draw with. Plain JavaScript: Jupyter's kernel hands it to Node as it is.
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
 * @param {string | Uint8Array} svg SVG, or the bytes of a picture
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

const SIDE = 240;
const GAP = 12;
const TITLE = 24;

/** Colours that the colour-blind tell apart, too: for pillars and collectors, and two more. */
export const ORANGE = "#ff9f1c";
export const BLUE = "#2ec4ff";
export const PINK = "#e4007c";
export const GREEN = "#00a86b";
/** What is told apart by its colour has another line, too: for prints in grey. */
export const DASHED = 'stroke-dasharray="4 3"';

/**
 * A picture of square panels in rows, each below its title.
 *
 * @param {readonly { readonly title: string, readonly content: string }[]} panels content of 240×240 units, SVG
 * @param {number} columns how many stand in a row
 * @returns {string} SVG
 */
export function panels(panels, columns = panels.length) {
  const width = columns * (SIDE + GAP) + GAP;
  const height = Math.ceil(panels.length / columns) * (SIDE + TITLE + GAP);
  const drawn = panels.map(({ title, content }, i) => {
    const [x, y] = [GAP + (i % columns) * (SIDE + GAP), Math.floor(i / columns) * (SIDE + TITLE + GAP)];
    return `<g transform="translate(${x},${y})"><text y="17">${title}</text>
      <svg y="${TITLE}" width="${SIDE}" height="${SIDE}">${content}</svg></g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
    width="${width}" height="${height}" font-family="sans-serif" font-size="13">
    <rect width="${width}" height="${height}" fill="#fff"/>${drawn.join("")}</svg>`;
}

/**
 * A picture as the background of a panel.
 *
 * @param {Uint8Array} png
 * @returns {string} SVG
 */
export function background(png) {
  const data = Buffer.from(png).toString("base64");
  return `<image width="${SIDE}" height="${SIDE}" xlink:href="data:image/png;base64,${data}"/>`;
}

/**
 * Something in each cell of a grid that covers a panel.
 *
 * @param {{ readonly rows: number, readonly columns: number }} grid
 * @param {(cell: number) => string} styleOf the attributes of the cell's square, empty for no square
 * @returns {string} SVG
 */
export function cells({ rows, columns }, styleOf) {
  const [width, height] = [SIDE / columns, SIDE / rows];
  const squares = Array.from({ length: rows * columns }, (_, cell) => {
    const style = styleOf(cell);
    const [x, y] = [(cell % columns) * width + 1, Math.floor(cell / columns) * height + 1];
    return style && `<rect x="${x}" y="${y}" width="${width - 2}" height="${height - 2}" ${style}/>`;
  });
  return squares.join("");
}

/**
 * A map of numbers from 0: white is the largest, black is 0.
 *
 * @param {{ readonly rows: number, readonly columns: number }} grid
 * @param {ArrayLike<number>} values one for each cell, in raster order
 * @returns {string} SVG
 */
export function heat(grid, values) {
  const most = Math.max(...Array.from(values), Number.MIN_VALUE);
  const levels = Array.from(values, (value) => Math.round(255 * Math.max(0, value / most)));
  return cells(grid, (cell) => `fill="rgb(${levels[cell]},${levels[cell]},${levels[cell]})"`);
}

/**
 * The frame of a box.
 *
 * @param {readonly [number, number, number, number]} box left, top, right, bottom, as fractions of the picture
 * @param {string} colour
 * @param {string} style more attributes, such as DASHED
 * @returns {string} SVG
 */
export function frame([left, top, right, bottom], colour, style = "") {
  const [x, y, width, height] = [left, top, right - left, bottom - top].map((edge) => edge * SIDE);
  const at = `x="${x}" y="${y}" width="${width}" height="${height}"`;
  return `<rect ${at} fill="none" stroke="${colour}" stroke-width="3" ${style}/>`;
}
