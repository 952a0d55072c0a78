import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { svgAlone } from "./svg-alone.ts";

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
          aria-label={`save SVG: ${title}`}
          onClick={() => drawing.current && saveSvg(drawing.current, title)}
        >
          save SVG
        </button>
      </figcaption>
    </figure>
  );
}

/** `Separation and alignment (Nüwa)` is saved as `separation-and-alignment-nuwa.svg`. */
function fileName(title: string): string {
  // Letters lose their marks, which stand behind them in this form.
  const letters = title
    .normalize("NFD")
    .replaceAll(/\p{Mark}/gu, "")
    .toLowerCase();
  return `${letters.match(/[a-z0-9]+/g)?.join("-")}.svg`;
}

function saveSvg(drawing: SVGSVGElement, title: string): void {
  const url = URL.createObjectURL(new Blob([svgAlone(drawing)], { type: "image/svg+xml" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName(title);
  link.click();
  // The download has the bytes once the click is handled.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
