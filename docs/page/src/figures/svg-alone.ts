/** Properties of the page's style that a file on its own needs. */
const STYLED = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-opacity",
  "font-size",
  "font-family",
  "font-weight",
  "text-anchor",
  "dominant-baseline",
  "opacity",
];

/** What the page reads of an element, which means nothing in a file. */
const OF_THE_PAGE = /^(class|style|role|tabindex|pointer-events|aria-.+|data-.+)$/;

/**
 * A drawing of the page as the text of an SVG file that stands on its own: styles are written into its elements, it
 * has a size and a white background, and its colours are those of the light page whatever the reader's page is.
 */
export function svgAlone(drawing: SVGSVGElement): string {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const copies = [copy, ...copy.querySelectorAll("*")];
  const { style } = drawing;
  const scheme = style.colorScheme;
  style.colorScheme = "light";
  [drawing, ...drawing.querySelectorAll("*")].forEach((own, i) => {
    const computed = getComputedStyle(own);
    const copied = copies[i];
    for (const { name } of [...copied.attributes]) if (OF_THE_PAGE.test(name)) copied.removeAttribute(name);
    for (const name of STYLED) copied.setAttribute(name, written(computed.getPropertyValue(name)));
  });
  style.colorScheme = scheme;
  const { width, height } = drawing.viewBox.baseVal;
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const [title, paper] = ["title", "rect"].map((name) => document.createElementNS(copy.namespaceURI, name));
  title.textContent = drawing.getAttribute("aria-label");
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", fill: "#fff" }))
    paper.setAttribute(name, value);
  copy.prepend(title, paper);
  return new XMLSerializer().serializeToString(copy);
}

/** Programs that know SVG 1.1 alone read `rgba(0, 0, 0, 0)`, as browsers write `transparent`, as black. */
function written(value: string): string {
  return value === "rgba(0, 0, 0, 0)" ? "none" : value;
}
