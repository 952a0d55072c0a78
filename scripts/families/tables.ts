import { patchCount } from "../../src/core/grid.ts";
import { type AverageTokens, sharedOut } from "../../src/methods/budget.ts";
import { patchesPerRegion } from "../../src/methods/nuwa/alignment.ts";
import { definition } from "../../src/methods/nuwa/definition.ts";
import { readingFor } from "../../src/methods/nuwa/readings.ts";
import { regionsOf } from "../../src/methods/nuwa/separation.ts";
import { cellCount, unprunedSlots } from "../../src/model/image-shape.ts";
import { llavaNext } from "../../src/model/llava-next/family.ts";
import { tilingOf } from "../../src/model/llava-next/shape.ts";
import { shapeOf } from "../../src/model/qwen2_5-vl/mrope.ts";
import { writtenIds } from "./ids.ts";
import { type AllSeen, type Seen, sizeOf } from "./photograph.ts";
import { REGION } from "./reach.ts";
import { type PromptRow, promptRows, swappedTiles } from "./released.ts";

/** The averages that the paper publishes for each family. */
const AVERAGES: Readonly<Record<string, readonly (readonly [label: string, average: AverageTokens])[]>> = {
  llava: [64, 128, 192].map((tokens) => [`${tokens}`, { tokens }] as const),
  llava_next: [160, 320, 640].map((tokens) => [`${tokens}`, { tokens }] as const),
  qwen2_5_vl: [25, 50, 75].map((percent) => [`${percent} %`, { ratio: percent / 100 }] as const),
};

/** Every generated part of docs/families.md by the name of its marks. */
export function tablesOf(all: AllSeen): Record<string, string> {
  const seen = [all.llava, all.next, all.qwen];
  const parts = {
    "families-sizes": table(["", ...seen.map(({ title }) => title)], sizes(seen)),
    "families-budgets": table(
      ["", "average asked", "k", "of each region", "k₂", "layers with k + k₂", "average"],
      seen.flatMap(budgets),
    ),
    "families-three-axes": threeAxes(),
    "families-newline-ids": newlineIds(),
    "families-figures": figures(all),
  };
  return Object.fromEntries(Object.entries(parts).map(([name, content]) => [name, `\n${content}\n\n`]));
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function sizes(seen: readonly Seen[]): (string | number)[][] {
  const row = (label: string, of: (one: Seen) => string | number) => [label, ...seen.map(of)];
  return [
    row("`pixel_values`", ({ prepared }) => `[${prepared.pixelValues.shape.join(", ")}]`),
    row("beside it", ({ config, prepared }) =>
      prepared.size
        ? `\`${config.family === "llava_next" ? "image_sizes" : "image_grid_thw"}\` [${prepared.size.join(", ")}]`
        : "–",
    ),
    row("grids of cells", ({ shape }) => shape.grids.map(({ rows, columns }) => `${rows}×${columns}`).join(" and ")),
    row("visual tokens (N)", ({ shape }) => cellCount(shape)),
    row("newlines", ({ shape }) => shape.separators.length),
    row("rows of the prompt", ({ shape }) => unprunedSlots(shape)),
    row("axes of an id", ({ shape }) => shape.offsets[0].length),
    row("id of the first visual token", (one) => writtenIds(one).cells[0]),
    row("id of the last one", (one) => writtenIds(one).cells.at(-1) as string),
    row("the text goes on at", (one) => writtenIds(one).next),
  ];
}

/** What the project's budget rule gives for the published averages. */
function budgets(one: Seen): (string | number)[][] {
  const size = sizeOf(one);
  const { layers } = size;
  return AVERAGES[one.config.family].map(([label, average]) => {
    const { budget, cutLayer, leastPerRegion } = definition.budget(average, size);
    const shares = sharedOut(budget.stage1, size);
    const kept = shares.reduce((sum, share) => sum + share, 0);
    const candidates = shares.map((share, i) =>
      patchesPerRegion(regionsOf(size.grids[i], REGION), share, leastPerRegion),
    );
    const cut = cutLayer + (readingFor(size).switches.official.cutBehind ?? 0);
    const mean = (cut * kept + (layers - cut) * budget.stage2) / layers;
    const split = shares.length > 1 ? `${shares.join(" + ")} (of ${budget.stage1})` : kept;
    const unlike = new Set(candidates).size > 1;
    return [
      one.title,
      label,
      split,
      `best ${unlike ? candidates.join(" and ") : candidates[0]}`,
      budget.stage2,
      `${cut} + ${layers - cut}`,
      `${mean.toFixed(1)} of ${size.total}`,
    ];
  });
}

/** Ids of a 2×3 grid on three axes behind one text token. */
function threeAxes(): string {
  const grid = { rows: 2, columns: 3 };
  const shape = shapeOf(grid);
  const { cells, next } = writtenIds({ shape, start: 1 });
  const lines = Array.from({ length: grid.rows }, (_, row) =>
    cells
      .slice(row * grid.columns, (row + 1) * grid.columns)
      .map((id) => `(${id})`)
      .join(" "),
  );
  return ["```", "text   (0,0,0)", ...lines.map((line, i) => `row ${i}  ${line}`), `text   (${next})`, "```"].join(
    "\n",
  );
}

/** A pruned image of a tiny LLaVA-NeXT, its ids here and in the released code. */
function newlineIds(): string {
  const config = llavaNext.parseConfig("a tiny LLaVA-NeXT", {
    model_type: "llava_next",
    image_grid_pinpoints: [[28, 56]],
    vision_config: { image_size: 28, patch_size: 14 },
  });
  const { shape } = tilingOf({ width: 56, height: 28 }, config);
  const { rows, next, releasedNext } = promptRows(shape, [0, 3, 4, 6, 9, 11], 35);
  const written = rows.map(({ cell, id, releasedId, competes }) => [
    nameOf(cell),
    id,
    releasedId === id ? releasedId : `**${releasedId}**`,
    competes === (cell !== undefined) ? (competes ? "yes" : "no") : `**${competes ? "yes" : "no"}**`,
  ]);
  return table(
    ["row of the prompt", "id", "released id", "released stage 2 may drop it"],
    [...written, ["text", next, `**${releasedNext}**`, "no"]],
  );
}

function nameOf(cell: PromptRow["cell"]): string {
  return cell ? `${cell.grid === 0 ? "base" : "local"} (${cell.row}, ${cell.column})` : "newline";
}

/** Figures of the released code on the photograph. */
function figures(all: AllSeen): string {
  const { next } = all;
  const [, local] = next.shape.grids;
  const { left } = swappedTiles(all);
  const size = sizeOf(next);
  const [, average] = AVERAGES.llava_next[2];
  const { budget, leastPerRegion } = definition.budget(average, size);
  const [, share] = sharedOut(budget.stage1, size);
  const candidates = patchesPerRegion(regionsOf(local, REGION), share, leastPerRegion);
  return [
    `- Exchanged tiles leave ${left.rows}×${left.columns} = ${patchCount(left)} cells of ` +
      `${local.rows}×${local.columns} = ${patchCount(local)}.`,
    `- At 640 the local grid may keep ${share} of ${patchCount(local)} tokens. That takes the best ${candidates} of ` +
      `each region, and the released code then keeps all ${patchCount(local)} (on a grid that is not exchanged).`,
  ].join("\n");
}
