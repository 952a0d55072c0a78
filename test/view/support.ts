import { parseHTML } from "linkedom";
import { textWidth } from "../../src/view/drawing/text.ts";

/** Something that a drawing shows, in its own units. */
export interface Area {
  readonly what: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The width and height of a drawing's view box. */
export function viewBox(svg: string): readonly [number, number] {
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg) as RegExpExecArray;
  return [Number(width), Number(height)];
}

/** Every text with the room that it takes, its width estimated; and every picture. */
export function areasOf(svg: string): { texts: Area[]; pictures: Area[] } {
  const { document } = parseHTML(`<html><body>${svg}</body></html>`);
  const number = (node: Element, name: string) => Number(node.getAttribute(name) ?? 0);
  const shift = (node: Element): [number, number] => {
    let [x, y] = [0, 0];
    for (let one: Element | null = node; one; one = one.parentElement) {
      const found = /translate\(([-\d.]+),([-\d.]+)\)/.exec(one.getAttribute("transform") ?? "");
      if (found) [x, y] = [x + Number(found[1]), y + Number(found[2])];
    }
    return [x, y];
  };
  const texts = [...document.querySelectorAll("text")].map((node) => {
    const [dx, dy] = shift(node);
    const size = number(node, "font-size");
    const width = textWidth(node.textContent ?? "", size, node.getAttribute("font-weight") === "bold");
    const before = { start: 0, middle: width / 2, end: width }[node.getAttribute("text-anchor") ?? "start"] ?? 0;
    const [left, base] = [number(node, "x") + dx - before, number(node, "y") + dy];
    const [top, bottom] = [base - 0.76 * size, base + 0.2 * size];
    return { what: node.textContent ?? "", left, right: left + width, top, bottom };
  });
  const pictures = [...document.querySelectorAll("use")].map((node) => {
    const [left, top] = shift(node);
    const image = document.querySelector(`image[id="${node.getAttribute("href")?.slice(1)}"]`) as Element;
    return {
      ...{ what: image.id, left, top },
      ...{ right: left + number(image, "width"), bottom: top + number(image, "height") },
    };
  });
  return { texts, pictures };
}

/** Texts that lie on another text, on a picture or outside of the drawing: none should. */
export function misplaced(svg: string): string[] {
  const [width, height] = viewBox(svg);
  const { texts, pictures } = areasOf(svg);
  const lies = (a: Area, b: Area) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return texts.flatMap((text, i) => [
    ...(text.left < 0 || text.top < 0 || text.right > width || text.bottom > height ? [`${text.what}: outside`] : []),
    ...[...texts.slice(i + 1), ...pictures].filter((other) => lies(text, other)).map((o) => `${text.what} / ${o.what}`),
  ]);
}

/** Ids that are used more than once, and references to ids that are not there. */
export function badIds(svg: string): string[] {
  const ids = [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  const used = [...svg.matchAll(/(?:href="#|url\(#)([^")]+)/g)].map(([, id]) => id);
  return [...ids.filter((id, i) => ids.indexOf(id) !== i), ...used.filter((id) => !ids.includes(id))];
}

/** The texts of a drawing, lines of a paragraph joined: one string to search. */
export function wordsOf(svg: string): string {
  return areasOf(svg)
    .texts.map(({ what }) => what)
    .join(" ");
}
