import type { Grid } from "../../src/core/grid.ts";
import type { Picture, Rectangle } from "../../src/core/resample.ts";
import {
  box,
  drawing,
  embedded,
  gridLines,
  HEADING,
  heading,
  idRow,
  MARGIN,
  placed,
  REMOVED,
  text,
} from "./drawing.ts";
import { rowOfIds, textIds } from "./ids.ts";
import type { AllSeen } from "./photograph.ts";
import { reachOf, regionCount, regions } from "./reach.ts";

const SIDE = 240;

/** LLaVA-1.5: the square that the tower sees, its patches, Nüwa's regions and the ids. */
export async function drawLlava({ photograph, llava }: AllSeen): Promise<string> {
  const [picture] = llava.prepared.pictures;
  const [grid] = llava.shape.grids;
  const whole = { left: 0, top: 0, width: picture.width, height: picture.height };
  const top = 58;
  const frames = [0, 1, 2].map(
    (i): Rectangle => ({ left: MARGIN + i * (SIDE + MARGIN), top: top + HEADING, width: SIDE, height: SIDE }),
  );
  const square = Math.max(photograph.width, photograph.height);
  // Padding lies above and below, or left and right: half of what the shorter side lacks.
  const padding = Math.floor((square - photograph.height) / 2);
  const strip = (SIDE * padding) / square;
  const [first] = frames;
  const bands = [first.top, first.top + SIDE - strip].map((y) =>
    box({ left: first.left, top: y, width: SIDE, height: strip }, "url(#hatch)", { colour: REMOVED, width: 1.5 }),
  );
  const empty = onlyPadding(picture, grid);
  const titles = [
    ["1 · Pixels", `${photograph.width}×${photograph.height}, padded (hatched)`],
    ["2 · Tokens", `${grid.rows}×${grid.columns} patches, one token each`],
    ["3 · Nüwa", `${regionCount(grid)} regions of 2×2; arc: reach τ`],
  ];
  const ids = frames[0].top + SIDE + 28;
  const { before, after } = textIds(llava);
  const rows = [
    ["text", before],
    ["row 0", rowOfIds(llava, 0, 0)],
    ["row 1", rowOfIds(llava, 0, 1)],
    [`row ${grid.rows - 1}`, rowOfIds(llava, 0, grid.rows - 1)],
    ["text", after],
  ] as const;
  const notes = [
    `Every picture takes ${llava.shape.length} ids, whatever its size.`,
    "Kept tokens keep the id of their patch;",
    "the text goes on where it would have gone on unpruned.",
    `${empty} of ${llava.shape.length} patches show nothing but padding;`,
    "their regions nominate candidates like all others.",
    `τ = ${reachOf(llava, 0, "official").toFixed(1)} patches in both readings:`,
    "τ² is 280/1058 of the largest squared distance.",
  ];
  return drawing(
    ids + 200,
    `LLaVA-1.5: one square, ${llava.shape.length} tokens`,
    [await embedded("seen", picture)],
    [
      ...titles.map(([title, line], i) => heading(frames[i].left, top, title, line)),
      ...frames.map((frame) => placed("seen", frame, whole)),
      ...bands,
      gridLines(frames[1], grid, 1, { colour: "#fff", width: 0.6, opacity: 0.75 }),
      regions(llava, 0, frames[2], "reach"),
      heading(MARGIN, ids, "4 · Position ids", `one axis; ${llava.start} text tokens stand before the image`),
      ...rows.map(([label, boxes], i) => {
        const y = ids + HEADING + 4 + i * 29;
        return text(MARGIN, y + 17, label) + idRow(MARGIN + 56, y, boxes);
      }),
      ...notes.map((note, i) => text(410, ids + HEADING + 12 + i * 21, note)),
    ],
  );
}

/** Patches all of whose pixels are like the one in the corner. */
function onlyPadding({ width, height, pixels }: Picture, { rows, columns }: Grid): number {
  const shows = new Set<number>();
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if ([0, 1, 2].some((channel) => pixels[(y * width + x) * 3 + channel] !== pixels[channel]))
        shows.add(Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width));
  return rows * columns - shows.size;
}
