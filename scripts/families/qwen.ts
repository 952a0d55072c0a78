import type { Rectangle } from "../../src/core/resample.ts";
import { windowsOf } from "../../src/model/qwen2_5-vl/windows.ts";
import {
  drawing,
  embedded,
  gridLines,
  HEADING,
  heading,
  INK,
  idRow,
  MARGIN,
  OFFICIAL,
  placed,
  text,
} from "./drawing.ts";
import { rowOfIds, textIds } from "./ids.ts";
import type { AllSeen } from "./photograph.ts";
import { reachOf, regionCount, regions } from "./reach.ts";

const WIDE = 370;
const LINE = { colour: "#fff", width: 0.7, opacity: 0.8 };

/** Qwen2.5-VL: patches, merged cells, windows, Nüwa's regions and the ids on three axes. */
export async function drawQwen({ photograph, qwen }: AllSeen): Promise<string> {
  const [picture] = qwen.prepared.pictures;
  const { vision } = qwen.config;
  const [grid] = qwen.shape.grids;
  const patches = { rows: grid.rows * vision.spatialMergeSize, columns: grid.columns * vision.spatialMergeSize };
  const whole = { left: 0, top: 0, width: picture.width, height: picture.height };
  const tall = (WIDE * picture.height) / picture.width;
  const tops = [58, 58 + HEADING + tall + 26];
  const frames = [0, 1, 2, 3].map(
    (i): Rectangle => ({
      left: MARGIN + (i % 2) * (WIDE + MARGIN),
      top: tops[Math.floor(i / 2)] + HEADING,
      width: WIDE,
      height: tall,
    }),
  );
  const side = vision.windowSize / vision.patchSize / vision.spatialMergeSize;
  const reach = (variant: "official" | "paper") => reachOf(qwen, 0, variant).toFixed(1);
  const windows = windowsOf(grid, side);
  const titles = [
    [
      "1 · Pixels and patches",
      `stretched to ${picture.width}×${picture.height}: ${patches.rows}×${patches.columns} patches of 14 pixels`,
    ],
    ["2 · Tokens", `2×2 patches merged: ${grid.rows}×${grid.columns} cells, one token each`],
    [
      `3 · ${windows.lengths.length} windows of at most ${side}×${side} cells`,
      `${vision.depth - vision.fullAttentionBlocks.length} of ${vision.depth} blocks attend inside only; ` +
        "numbers: order",
    ],
    [
      `4 · Nüwa: ${regionCount(grid)} regions of 2×2 cells (orange: cut)`,
      `reach: official τ = ${reach("official")} (solid), paper ${reach("paper")} (dashed)`,
    ],
  ];
  const ids = tops[1] + HEADING + tall + 28;
  const { before, after } = textIds(qwen);
  const rows = [
    ["text", before],
    ["row 0", rowOfIds(qwen, 0, 0)],
    ["row 1", rowOfIds(qwen, 0, 1)],
    [`row ${grid.rows - 1}`, rowOfIds(qwen, 0, grid.rows - 1)],
    ["text", after],
  ] as const;
  const notes = [
    "Every image token has the same time.",
    `${grid.rows * grid.columns} tokens, but the text goes on`,
    `only max(${grid.rows}, ${grid.columns}) = ${qwen.shape.length} ids after the start.`,
    "Kept tokens keep all three ids.",
  ];
  return drawing(
    ids + HEADING + 4 + rows.length * 29 + 14,
    `Qwen2.5-VL: ${photograph.width}×${photograph.height} pixels, ${grid.rows}×${grid.columns} = ` +
      `${grid.rows * grid.columns} tokens`,
    [await embedded("seen", picture)],
    [
      ...titles.map(([title, line], i) => heading(frames[i].left, frames[i].top - HEADING, title, line)),
      ...frames.map((frame) => placed("seen", frame, whole)),
      gridLines(frames[0], patches, 1, LINE),
      gridLines(frames[1], grid, 1, { ...LINE, width: 1.2 }),
      gridLines(frames[2], grid, 1, LINE),
      gridLines(frames[2], grid, side, { colour: OFFICIAL, width: 3 }),
      ...windowNumbers(windows, grid.columns, frames[2]),
      regions(qwen, 0, frames[3], "reach"),
      heading(MARGIN, ids, "5 · Position ids", "three axes: time, row, column; text has the same id on all"),
      ...rows.map(([label, boxes], i) => {
        const y = ids + HEADING + 4 + i * 29;
        return text(MARGIN, y + 17, label) + idRow(MARGIN + 56, y, boxes, 76);
      }),
      ...notes.map((note, i) => text(520, ids + HEADING + 21 + i * 26, note)),
    ],
  );
}

/** The number of each window in the order in which the tower has them, in its middle. */
function windowNumbers({ order, lengths }: ReturnType<typeof windowsOf>, columns: number, frame: Rectangle): string[] {
  const cell = frame.width / columns;
  let from = 0;
  return lengths.map((length, i) => {
    const cells = order.slice(from, from + length);
    from += length;
    const middle = (of: (cell: number) => number) => (Math.min(...cells.map(of)) + Math.max(...cells.map(of)) + 1) / 2;
    const x = Math.round(frame.left + cell * middle((p) => p % columns));
    const y = Math.round(frame.top + cell * middle((p) => Math.floor(p / columns)));
    const disc = `<circle cx="${x}" cy="${y}" r="12" fill="#fff" stroke="${INK}" stroke-width="1"/>`;
    return disc + text(x, y + 5, `${i + 1}`, { size: 13, bold: true, anchor: "middle" });
  });
}
