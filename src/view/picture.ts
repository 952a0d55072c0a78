import sharp from "sharp";
import type { Box } from "../core/boxes.ts";
import { patchCount } from "../core/grid.ts";
import type { Size } from "../core/resample.ts";
import {
  enteringPerLayer,
  type GridLedger,
  gridLedgers,
  type SampleLedger,
  type VisualToken,
} from "../methods/ledger.ts";
import type { GridPicture } from "../model/preprocessing.ts";
import { element } from "./svg.ts";

/** Width of a panel, pixels of the finished picture. */
const PANEL = 336;
/** A panel of a narrow picture is less wide, so that it is not taller than this. */
const TALLEST = 672;
const GAP = 16;
const TITLE = 28;
/** Above the titles, where there are several grids. */
const HEADING = 22;
const CHART = 96;
const INK = "#1b1b1b";
const PILLAR = "#ff9f1c";
const COLLECTOR = "#2ec4ff";
const PRUNED = "#e4007c";
const UNPRUNED = "#00a86b";

/**
 * The picture of a run. For each grid of each image a row of three panels, under the name of the grid where there are
 * several: what the model saw, with the boxes that its answers point at, what stage 1 kept (pillars and collectors
 * framed, the rest darkened) and what went on after the last cut. Below, the visual tokens per decoder layer.
 *
 * @param images for each image of the prompt what the model saw in each of its grids
 * @param known.truth the box that a right answer has, as fractions of what the model sees
 * @returns SVG text
 */
export async function drawRun(
  images: readonly (readonly GridPicture[])[],
  ledger: SampleLedger,
  answers: readonly DrawnAnswer[] = [],
  known: { readonly truth?: Box } = {},
): Promise<string> {
  const seen = images.flatMap((pictures, image) =>
    gridLedgers(ledger, image).map((grid, i) => ({
      picture: pictures[i],
      grid,
      heading: headingOf(images.length, image, pictures[i].gridName),
      others: i === 0 ? ledger.tokens.filter((token) => token.image === image && token.cell < 0) : [],
    })),
  );
  const rows = await Promise.all(
    seen.map(({ picture, grid, heading, others }, row) => {
      // A box does not say which of several images it means.
      const one = images.length === 1;
      const facts = { id: `seen-${row}`, heading, layers: ledger.layers, others, truth: one ? known.truth : undefined };
      return panelsOf(picture, grid, facts, one ? answers : []);
    }),
  );
  const width = 3 * PANEL + 4 * GAP;
  const chart = rows.reduce((top, { height }) => top + height, GAP);
  const total = chart + CHART + GAP;
  let top = GAP;
  const drawn = rows.map(({ height, svg }) => {
    const row = `<g transform="translate(0,${top})">${svg}</g>`;
    top += height;
    return row;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
      `width="${width}" height="${total}" font-family="sans-serif" font-size="14" fill="${INK}">`,
    `<rect width="${width}" height="${total}" fill="#fff"/>`,
    ...drawn,
    `<g transform="translate(${GAP},${chart})">${layerChart(ledger, width - 2 * GAP)}</g>`,
    "</svg>",
  ].join("\n");
}

/** "image 2, local tiles", as far as there are several images or grids. */
function headingOf(images: number, image: number, gridName: string | undefined): string {
  return [images > 1 ? `image ${image + 1}` : "", gridName ?? ""].filter(Boolean).join(", ");
}

/** What {@link panelsOf} is told besides the grid. */
interface PanelFacts {
  /** Of the picture in the SVG. */
  readonly id: string;
  /** Above the titles, if it is not empty. */
  readonly heading: string;
  /** Decoder layers. */
  readonly layers: number;
  /** Tokens that stand for no cell, such as the class token; they are counted with the first grid. */
  readonly others: readonly VisualToken[];
  readonly truth: Box | undefined;
}

/** Three panels of one grid. */
async function panelsOf(
  picture: GridPicture,
  { grid, tokens }: GridLedger,
  { id, heading, layers, others, truth }: PanelFacts,
  answers: readonly DrawnAnswer[],
): Promise<{ svg: string; height: number }> {
  const png = await sharp(picture.pixels, { raw: { width: picture.width, height: picture.height, channels: 3 } })
    .png()
    .toBuffer();
  const scale = Math.min(PANEL / picture.width, TALLEST / picture.height);
  const size = { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) };
  const { width, height } = picture.inCells ?? picture;
  const inCells = { width: (size.width * width) / picture.width, height: (size.height * height) / picture.height };
  const isEntered = (token: VisualToken) => token.firstLayer === 0;
  const isLast = (token: VisualToken) => token.layers === layers;
  const count = (isShown: (token: VisualToken) => boolean) => [...tokens.values(), ...others].filter(isShown).length;
  const seen = element("image", {
    id,
    ...size,
    preserveAspectRatio: "none",
    "xlink:href": `data:image/png;base64,${png.toString("base64")}`,
  });
  const panels = [
    panel(id, `what the model sees: ${patchCount(grid)} ${picture.cellName}`, boxes(answers, truth, size)),
    panel(id, `before the decoder: ${count(isEntered)} kept`, cells({ grid, tokens }, isEntered, inCells)),
    panel(id, `after the last cut: ${count(isLast)} kept`, cells({ grid, tokens }, isLast, inCells)),
  ];
  const top = heading === "" ? 0 : HEADING;
  const title = top > 0 ? element("text", { x: GAP, y: 14, "font-weight": "bold" }, heading) : "";
  const placed = panels.map((content, i) =>
    element("g", { transform: `translate(${GAP + i * (PANEL + GAP)},${top})` }, content),
  );
  return { svg: element("defs", {}, seen) + title + placed.join(""), height: top + TITLE + size.height + GAP };
}

/** An answer whose box, if it holds one, is drawn; the first is the one to compare with. */
export interface DrawnAnswer {
  readonly label: string;
  /** As fractions of what the model sees. */
  readonly box: Box | undefined;
}

/** The picture as PNG. */
export async function renderPng(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg)).png().toBuffer();
}

/** The frame of the true box, dashed, and those of the answers' boxes. */
function boxes(answers: readonly DrawnAnswer[], truth: Box | undefined, size: Size): string {
  const frames = answers.map(({ label, box }, i) => {
    if (!box) return "";
    const [x, top, , bottom] = edgesOf(box, size);
    const stroke = i === answers.length - 1 ? PRUNED : UNPRUNED;
    const y = i === 0 ? top - 4 : bottom + 14;
    const at = { x: (x + 3).toFixed(1), y: y.toFixed(1), "font-size": 12, fill: stroke };
    return frame(box, size, { stroke, "stroke-width": 3 }) + element("text", at, label);
  });
  const dashed = { stroke: INK, "stroke-width": 2, "stroke-dasharray": "6 4" };
  return (truth ? frame(truth, size, dashed) : "") + frames.join("");
}

function frame(box: Box, size: Size, stroke: Record<string, string | number>): string {
  const [x, y, right, bottom] = edgesOf(box, size);
  const sides = { width: Math.max(0, right - x).toFixed(1), height: Math.max(0, bottom - y).toFixed(1) };
  return element("rect", { x: x.toFixed(1), y: y.toFixed(1), ...sides, fill: "none", ...stroke });
}

function edgesOf(box: Box, { width, height }: Size): number[] {
  return box.map((edge, axis) => Math.min(1, edge) * (axis % 2 === 0 ? width : height));
}

function panel(id: string, title: string, overlay: string): string {
  const picture = `<use xlink:href="#${id}"/>`;
  return `<text y="14">${title}</text><g transform="translate(0,${TITLE - 6})">${picture}${overlay}</g>`;
}

/** Darkens every cell of a grid without a token that is shown, and frames the others. */
function cells(
  { grid, tokens }: GridLedger,
  isShown: (token: VisualToken) => boolean,
  { width, height }: Size,
): string {
  const edge = (index: number, count: number, side: number) => ((index * side) / count).toFixed(2);
  const dark: string[] = [];
  const frames: string[] = [];
  for (let cell = 0; cell < patchCount(grid); cell++) {
    const [row, column] = [Math.floor(cell / grid.columns), cell % grid.columns];
    const [left, right] = [column, column + 1].map((index) => edge(index, grid.columns, width));
    const [top, bottom] = [row, row + 1].map((index) => edge(index, grid.rows, height));
    const outline = `M${left} ${top}H${right}V${bottom}H${left}Z`;
    const token = tokens.get(cell);
    if (!token || !isShown(token)) dark.push(outline);
    else if (token.pillar !== undefined)
      frames.push(
        element("path", { d: outline, fill: "none", stroke: token.pillar ? PILLAR : COLLECTOR, "stroke-width": 1.5 }),
      );
  }
  // One shape for all dark cells: between shapes of their own the picture would shine through.
  const shade = dark.length > 0 ? element("path", { d: dark.join(""), fill: "#000", "fill-opacity": 0.72 }) : "";
  return shade + frames.join("");
}

/** Bars: visual tokens entering each decoder layer, with a legend of the frames. */
function layerChart(ledger: SampleLedger, width: number): string {
  const counts = enteringPerLayer(ledger);
  const bar = width / counts.length;
  const tallest = CHART - 34;
  const heightOf = (count: number) => Math.max(1, (tallest * count) / ledger.total);
  const bars = counts.map((count, layer) =>
    element("rect", {
      x: (layer * bar + 1).toFixed(1),
      y: (CHART - heightOf(count)).toFixed(1),
      width: (bar - 2).toFixed(1),
      height: heightOf(count).toFixed(1),
      fill: "#5b8e7d",
    }),
  );
  const labels = counts.flatMap((count, layer) =>
    layer === 0 || counts[layer - 1] !== count
      ? [
          element(
            "text",
            { x: (layer * bar + 4).toFixed(1), y: CHART - heightOf(count) - 5, "font-size": 12 },
            `${count}`,
          ),
        ]
      : [],
  );
  const legend = ledger.tokens.some((token) => token.pillar !== undefined) ? legendAt(width - 190) : "";
  const title =
    `visual tokens entering each of the ${counts.length} decoder layers ` + `(height: share of ${ledger.total})`;
  return `${element("text", { y: 10 }, title)}${legend}${bars.join("")}${labels.join("")}`;
}

/** What the frames mean. */
function legendAt(left: number): string {
  const frame = { width: 10, height: 10, fill: "none" };
  const entries = [
    element("rect", { ...frame, stroke: PILLAR, "stroke-width": 2 }),
    element("text", { x: 15, y: 10 }, "pillars"),
    element("rect", { x: 90, ...frame, stroke: COLLECTOR, "stroke-width": 2 }),
    element("text", { x: 105, y: 10 }, "collectors"),
  ];
  return element("g", { transform: `translate(${left},0)`, "font-size": 12 }, entries.join(""));
}
