import { element, escaped } from "../svg.ts";
import { COLOURS } from "./palette.ts";

/** Something drawn from its own upper left corner. */
export interface Block {
  readonly svg: string;
  /** In units of the drawing. */
  readonly height: number;
}

/** Height of letters, in units of the drawing; a drawing is 640 wide, so that on a phone's 360 pixels 20 are 11. */
export const FONT = { text: 20, small: 17 } as const;
const LINE = 1.25;

/** How a text is set. */
export interface TextStyle {
  readonly width: number;
  readonly size?: number;
  readonly bold?: boolean;
  /** What is longer ends with an ellipsis. */
  readonly lines?: number;
}

/**
 * How wide a text is at most, in units of the drawing: the font is the reader's, so widths are those of a wide one
 * (DejaVu Sans), by kinds of letters.
 */
export function textWidth(text: string, size: number = FONT.text, bold = false): number {
  let width = 0;
  for (const character of text) {
    if (/[ijlI.,:;'!|[\]() /\-tfr]/.test(character)) width += 0.44;
    else if (/[mwMW@%…→]/.test(character)) width += 1;
    else if (/[A-Z×+=<>]/.test(character)) width += 0.8;
    else width += /[\u0020-\u024f]/.test(character) ? 0.65 : 1.1;
  }
  return width * size * (bold ? 1.12 : 1);
}

/** Words of a text in lines no wider than `width`; words that are wider are broken. */
export function wrapped(text: string, { width, size, bold, lines = 6 }: TextStyle): string[] {
  const fits = (line: string) => textWidth(line, size, bold) <= width;
  const found: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line !== "") found.push(line);
    line = "";
    for (const character of word) {
      if (fits(line + character)) line += character;
      else {
        found.push(line);
        line = character;
      }
    }
    // What cannot be seen need not be measured: answers may be long.
    if (found.length > lines) break;
  }
  if (line !== "") found.push(line);
  if (found.length <= lines) return found;
  let last = found[lines - 1];
  while (last !== "" && !fits(`${last}…`)) last = last.slice(0, -1);
  return [...found.slice(0, lines - 1), `${last}…`];
}

/** A paragraph; it is escaped. */
export function paragraph(text: string, style: TextStyle): Block {
  const { size = FONT.text, bold = false } = style;
  const lines = wrapped(text, style);
  const drawn = lines.map((line, i) => label(line, 0, (i + 0.8) * size * LINE, { size, bold }));
  return { svg: drawn.join(""), height: lines.length * size * LINE };
}

/** One line of text with its left end, middle or right end at x, on the base line y; it is escaped. */
export function label(
  text: string,
  x: number,
  y: number,
  {
    size = FONT.text,
    bold = false,
    anchor = "start",
  }: Pick<TextStyle, "size" | "bold"> & { anchor?: "start" | "middle" | "end" } = {},
): string {
  const at = { x, y, "font-size": size, "font-weight": bold ? "bold" : "normal", "text-anchor": anchor };
  return element("text", { ...at, fill: COLOURS.ink }, escaped(text));
}

/** A block elsewhere. */
export function moved(svg: string, x: number, y: number): string {
  return svg === ""
    ? ""
    : element("g", { transform: `translate(${Number(x.toFixed(2))},${Number(y.toFixed(2))})` }, svg);
}

/** Blocks one below the other; those of no height take no gap. */
export function stacked(blocks: readonly Block[], gap: number): Block {
  let height = 0;
  const drawn: string[] = [];
  for (const block of blocks) {
    if (block.height === 0) continue;
    const top = height === 0 ? 0 : height + gap;
    drawn.push(moved(block.svg, 0, top));
    height = top + block.height;
  }
  return { svg: drawn.join(""), height };
}
