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

const ROOT = /<(?:[\w.-]+:)?svg(?=[\s>/])/;
const ATTRIBUTE = /\s*([^\s=<>"'/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;
const LENGTH = /^([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)\s*([a-z]*)$/i;

/**
 * The size that the outermost element of an SVG file declares, in pixels: its width and height, or, where one is
 * missing or relative, what follows from the viewBox (SVG 2, section 8.2). The renderer does not tell it: a side
 * beyond its own numbers it takes for 1, with warnings on the terminal.
 *
 * @returns undefined when it declares no size
 * @throws Error when there is no such element
 */
export function declaredSize(text: string): { width: number; height: number } | undefined {
  const attributes = rootAttributes(withoutComments(text));
  const width = pixels(attributes.get("width"));
  const height = pixels(attributes.get("height"));
  if (width !== undefined && height !== undefined) return { width, height };
  const [, , across, down] = (attributes.get("viewBox") ?? "")
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  if (!(across > 0 && down > 0)) return undefined;
  if (width !== undefined) return { width, height: (width * down) / across };
  if (height !== undefined) return { width: (height * across) / down, height };
  return { width: across, height: down };
}

function rootAttributes(text: string): ReadonlyMap<string, string> {
  const root = ROOT.exec(text);
  if (!root) throw new Error("text without an <svg> element");
  const attributes = new Map<string, string>();
  const next = new RegExp(ATTRIBUTE);
  next.lastIndex = root.index + root[0].length;
  for (let found = next.exec(text); found; found = next.exec(text)) attributes.set(found[1], found[2] ?? found[3]);
  return attributes;
}

/** Looks at every character once, however many comments are opened and never closed. */
function withoutComments(text: string): string {
  let kept = "";
  for (let at = 0; at < text.length; ) {
    const start = text.indexOf("<!--", at);
    const end = start < 0 ? -1 : text.indexOf("-->", start + 4);
    if (end < 0) return kept + text.slice(at);
    kept += text.slice(at, start);
    at = end + 3;
  }
  return kept;
}

/** Undefined for what is relative or unreadable. */
function pixels(length: string | undefined): number | undefined {
  const [, number, unit] = LENGTH.exec((length ?? "").trim()) ?? [];
  const factor = PIXELS_IN[(unit ?? "").toLowerCase()];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}
