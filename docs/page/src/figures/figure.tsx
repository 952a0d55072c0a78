import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

/** A drawing that can be saved. */
export interface FigureProps {
  /** For screen readers, and the name of the file. */
  readonly title: string;
  readonly caption?: ComponentChildren;
  /** In the units of the drawing. */
  readonly width: number;
  readonly height: number;
  readonly children: ComponentChildren;
  /** It holds what a reader can reach, which an image to a screen reader cannot. */
  readonly interactive?: boolean;
}

/** An SVG drawing that grows with the column, its caption, and a button that saves it as an SVG file. */
export function Figure({ title, caption, width, height, children, interactive = false }: FigureProps) {
  const drawing = useRef<SVGSVGElement>(null);
  return (
    <figure class="figure">
      <svg ref={drawing} viewBox={`0 0 ${width} ${height}`} role={interactive ? "group" : "img"} aria-label={title}>
        {children}
      </svg>
      <figcaption>
        {caption}
        <button
          type="button"
          class="quiet"
          aria-label={`save SVG: ${title}`}
          onClick={() => drawing.current && saveSvg(drawing.current, title)}
        >
          save SVG
        </button>
      </figcaption>
    </figure>
  );
}

/** Properties of the page's style that a file on its own needs. */
const STYLED = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "font-size",
  "font-family",
  "opacity",
];

function saveSvg(drawing: SVGSVGElement, title: string): void {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const pairs = [drawing, ...drawing.querySelectorAll("*")].map(
    (own, i) => [own, i === 0 ? copy : copy.querySelectorAll("*")[i - 1]] as const,
  );
  for (const [own, copied] of pairs) {
    const style = getComputedStyle(own);
    for (const name of STYLED) copied.setAttribute(name, style.getPropertyValue(name));
    copied.removeAttribute("class");
  }
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const url = URL.createObjectURL(new Blob([copy.outerHTML], { type: "image/svg+xml" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.svg`;
  link.click();
  // The download has the bytes once the click is handled.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
