/** Pixels in each unit of CSS (CSS Values and Units 3, section 6.2); em and ex as of 16-pixel letters. */
const PIXELS_IN: Readonly<Record<string, number>> = {
  "": 1,
  px: 1,
  pt: 96 / 72,
  pc: 16,
  in: 96,
  cm: 96 / 2.54,
  mm: 96 / 25.4,
  q: 96 / 101.6,
  em: 16,
  ex: 8,
};

const COMMENT = /<!--.*?-->/gs;
const ROOT = /<(?:[\w.-]+:)?svg(?=[\s>/])(?:"[^"]*"|'[^']*'|[^>"']+)*/;
const LENGTH = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([a-z]*)\s*$/i;

/**
 * The size that the outermost element of an SVG file declares, in pixels: its width and height, or, where one is
 * missing or relative, what follows from the viewBox (SVG 2, section 8.2). The renderer does not tell it: a side
 * beyond its own numbers it takes for 1, with warnings on the terminal.
 *
 * @returns undefined when the file is no plain SVG, or declares no size
 */
export function declaredSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Other pictures are not searched to their ends.
  if (!/^\ufeff?\s*</.test(text.toString("utf8", 0, 1000))) return undefined;
  const root = ROOT.exec(text.toString("utf8").replace(COMMENT, ""))?.[0];
  if (root === undefined) return undefined;
  const width = pixels(attribute(root, "width"));
  const height = pixels(attribute(root, "height"));
  if (width !== undefined && height !== undefined) return { width, height };
  const [, , across, down] = (attribute(root, "viewBox") ?? "")
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  if (!(across > 0 && down > 0)) return undefined;
  if (width !== undefined) return { width, height: (width * down) / across };
  if (height !== undefined) return { width: (height * across) / down, height };
  return { width: across, height: down };
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(tag);
  return found?.[1] ?? found?.[2];
}

/** Undefined for what is relative or unreadable. */
function pixels(length: string | undefined): number | undefined {
  const [, number, unit] = LENGTH.exec(length ?? "") ?? [];
  const factor = PIXELS_IN[(unit ?? "").toLowerCase()];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}
