import type { Rectangle } from "../../src/core/resample.ts";
import { bestResolution, scaledInto } from "../../src/model/llava-next/resolution.ts";
import {
  box,
  cellsIn,
  drawing,
  embedded,
  gridLines,
  HEADING,
  heading,
  INK,
  idRow,
  MARGIN,
  OFFICIAL,
  PALE_SEPARATOR,
  placed,
  REMOVED,
  SEPARATOR,
  text,
} from "./drawing.ts";
import { rowOfIds, textIds } from "./ids.ts";
import { type AllSeen, stitchedTiles } from "./photograph.ts";
import { reachOf, regionCount, regions } from "./reach.ts";

/** Height of the pictures of both grids. */
const TALL = 216;
const GRID_LINE = { colour: "#fff", width: 0.6, opacity: 0.7 };

/** LLaVA-NeXT: the choice of a resolution, the tiles, the two grids, newlines, Nüwa's regions and the ids. */
export async function drawNext(all: AllSeen): Promise<string> {
  const { tiling, shape, prepared } = all.next;
  const [base, local] = shape.grids;
  const canvas = stitchedTiles(all.next);
  const stitched = { rows: tiling.tiles.rows * tiling.side, columns: tiling.tiles.columns * tiling.side };
  const kept = { left: tiling.local.left, top: tiling.local.top, width: local.columns, height: local.rows };
  const wholeTile = { left: 0, top: 0, width: prepared.pictures[0].width, height: prepared.pictures[0].height };
  const wholeCanvas = { left: 0, top: 0, width: canvas.width, height: canvas.height };
  const keptPixels = cellsIn(wholeCanvas, stitched, kept);
  const right = MARGIN + TALL + 2 * MARGIN;
  const side = TALL / local.rows;

  const second = 226;
  const tileFrame: Rectangle = { left: MARGIN, top: second + HEADING, width: TALL, height: TALL };
  const canvasFrame = { left: right, top: tileFrame.top, width: (TALL * canvas.width) / canvas.height, height: TALL };
  const third = second + HEADING + TALL + 26;
  const baseFrame = { ...tileFrame, top: third + HEADING };
  const localFrame = { left: right, top: baseFrame.top, width: local.columns * side, height: TALL };
  const newlines = { left: localFrame.left + localFrame.width + 4, top: localFrame.top, width: side + 4, height: TALL };
  const fourth = third + HEADING + TALL + 26;
  const baseRegions = { ...baseFrame, top: fourth + HEADING };
  const localRegions = { ...localFrame, top: fourth + HEADING };
  const fifth = fourth + HEADING + TALL + 26;

  const cut = [kept.left, stitched.columns - kept.left - kept.width];
  const bands = [
    { left: 0, top: 0, width: cut[0], height: stitched.rows },
    { left: stitched.columns - cut[1], top: 0, width: cut[1], height: stitched.rows },
  ].map((cells) => box(cellsIn(canvasFrame, stitched, cells), "url(#hatch)", { colour: REMOVED, width: 1.5 }));
  const reach = (which: number, variant: "official" | "paper") => reachOf(all.next, which, variant).toFixed(1);
  const { before, after } = textIds(all.next);
  const rows = [
    ["text", before],
    ["base, row 0", rowOfIds(all.next, 0, 0)],
    [`base, row ${base.rows - 1}`, rowOfIds(all.next, 0, base.rows - 1)],
    ["local, row 0", rowOfIds(all.next, 1, 0)],
    ["local, row 1", rowOfIds(all.next, 1, 1)],
    [`local, row ${local.rows - 1}`, rowOfIds(all.next, 1, local.rows - 1)],
    ["text", after],
  ] as const;
  const notes = [
    "The newline behind a local row takes an id, too.",
    `${base.rows * base.columns} + ${local.rows}×(${local.columns} + 1) = ${shape.length} ids`,
    "Pruned: kept tokens keep their ids,",
    `all ${shape.separators.length} newlines stay, also of empty rows,`,
    "and the text goes on as unpruned.",
  ];
  return drawing(
    fifth + HEADING + 4 + rows.length * 29 + 14,
    `LLaVA-NeXT: ${1 + tiling.tiles.rows * tiling.tiles.columns} tiles, two grids, a newline behind each local row`,
    [await embedded("tile", prepared.pictures[0]), await embedded("canvas", canvas)],
    [
      heading(MARGIN, 58, "1 · Resolution", `five are allowed; ${resolutionLine(all)}`),
      pinpoints(all, keptPixels),
      heading(MARGIN, second, "2 · Tiles: the base", "all of it, stretched to 336×336"),
      placed("tile", tileFrame, wholeTile),
      heading(right, second, "… and what the resolution is cut into", cutLine(all)),
      placed("canvas", canvasFrame, wholeCanvas),
      ...bands,
      gridLines(canvasFrame, stitched, tiling.side, { colour: OFFICIAL, width: 3 }),
      heading(MARGIN, third, "3 · Tokens: the base grid", `${base.rows}×${base.columns}, no newlines`),
      placed("tile", baseFrame, wholeTile),
      gridLines(baseFrame, base, 1, GRID_LINE),
      heading(
        right,
        third,
        "… and the local grid",
        `${local.rows}×${local.columns} cells without the padding, and ${shape.separators.length} newlines (purple)`,
      ),
      placed("canvas", localFrame, keptPixels),
      gridLines(localFrame, local, 1, GRID_LINE),
      box(newlines, PALE_SEPARATOR, { colour: SEPARATOR, width: 1 }),
      gridLines(newlines, { rows: local.rows, columns: 1 }, 1, { colour: SEPARATOR, width: 0.8 }),
      heading(
        MARGIN,
        fourth,
        "4 · Nüwa: each grid by itself",
        `${regionCount(base)} regions, τ = ${reach(0, "paper")}`,
      ),
      placed("tile", baseRegions, wholeTile),
      regions(all.next, 0, baseRegions, "base"),
      heading(
        right,
        fourth,
        `… ${regionCount(local)} regions on the local grid`,
        `reach: official τ = ${reach(1, "official")} (solid), paper ${reach(1, "paper")} (dashed)`,
      ),
      placed("canvas", localRegions, keptPixels),
      regions(all.next, 1, localRegions, "local"),
      heading(
        MARGIN,
        fifth,
        "5 · Position ids",
        `one axis; ${all.next.start} text tokens before the image; purple: newlines`,
      ),
      ...rows.map(([label, boxes], i) => {
        const y = fifth + HEADING + 4 + i * 29;
        return text(MARGIN, y + 17, label) + idRow(MARGIN + 96, y, boxes, 46);
      }),
      ...notes.map((note, i) => text(450, fifth + HEADING + 21 + i * 26, note)),
    ],
  );
}

function resolutionLine({ photograph, next }: AllSeen): string {
  const { width, height } = bestResolution(photograph, next.config.pinpoints);
  return `${width}×${height} shows most pixels of ${photograph.width}×${photograph.height} and wastes least`;
}

function cutLine({ photograph, next }: AllSeen): string {
  const { width, height } = scaledInto(photograph, bestResolution(photograph, next.config.pinpoints));
  const { left, top } = next.tiling.local;
  const what = left > 0 ? `${left} columns` : `${top} rows`;
  return `scaled to ${width}×${height}, padded with black; ${what} go on each side (hatched)`;
}

/** The resolutions that are allowed, each with the picture scaled into it; the chosen one is framed. */
function pinpoints({ photograph, next }: AllSeen, part: Rectangle): string {
  const best = bestResolution(photograph, next.config.pinpoints);
  const scale = 96 / Math.max(...next.config.pinpoints.flat());
  let left = MARGIN;
  return next.config.pinpoints
    .map(([height, width]) => {
      const outer = { left, top: 58 + HEADING, width: width * scale, height: height * scale };
      const inner = scaledInto(photograph, { width, height });
      const seen = {
        left: outer.left + (outer.width - inner.width * scale) / 2,
        top: outer.top + (outer.height - inner.height * scale) / 2,
        width: inner.width * scale,
        height: inner.height * scale,
      };
      const chosen = best.width === width && best.height === height;
      left += Math.max(outer.width, 64) + 44;
      const label = text(outer.left, outer.top + 114, `${width}×${height}`, { size: 12, bold: chosen });
      const frame = box(outer, "none", chosen ? { colour: OFFICIAL, width: 4 } : { colour: INK, width: 1 });
      return box(outer, "#000") + placed("canvas", seen, part) + frame + label;
    })
    .join("");
}
