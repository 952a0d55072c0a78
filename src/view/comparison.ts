import type { ExactCost } from "../analysis/cost/meter.ts";
import { costOf, unprunedCost } from "../analysis/cost/paper.ts";
import type { Box } from "../core/boxes.ts";
import { averageTokens, enteringPerLayer, type SampleLedger } from "../methods/ledger.ts";
import type { VlmConfig } from "../model/vlm.ts";
import { intersectionOverUnion } from "../world/geometry.ts";
import { verdict } from "./verdict.ts";

/** A run of one method, or of none, on the image and the question of a comparison. */
export interface ComparedRun {
  /** Name of the method. */
  readonly method: string;
  readonly answer: { readonly text: string; readonly boxes: readonly Box[] };
  readonly ledger: SampleLedger;
  /** Measured until the first word. */
  readonly cost: ExactCost;
}

/** What a method did, beside the unpruned run; a line of `nuwa compare` and an element of compare.json. */
export interface Compared {
  readonly method: string;
  readonly answer: string;
  /** Whether the answer held, in words; undefined of the unpruned run. */
  readonly verdict?: string;
  /** Intersection over union of its first box with the unpruned one; null where one of them has none. */
  readonly iou: number | null;
  /** Visual tokens entering the decoder, and its last layer. */
  readonly kept: { readonly first: number; readonly last: number };
  readonly visualTokensPerLayer: readonly number[];
  readonly averageEntering: number;
  /** Shares of the unpruned run, from 0 to 1, by the paper's formula: visual tokens alone. */
  readonly saved: {
    readonly flops: number;
    readonly cacheBytes: number;
    /** Of all FLOPs before the first word, measured: text, vision tower and selection too. */
    readonly exactFlops: number;
  };
}

/** Sets a run beside the unpruned one. */
export function comparedWith(unpruned: ComparedRun, run: ComparedRun, config: Pick<VlmConfig, "text">): Compared {
  const { method, answer, ledger } = run;
  const counts = enteringPerLayer(ledger);
  const [[before], [after]] = [unpruned.answer.boxes, answer.boxes];
  const [own, whole] = [costOf(ledger, config.text), unprunedCost(ledger, config.text)];
  return {
    method,
    answer: answer.text,
    ...(run === unpruned ? {} : { verdict: verdict(unpruned.answer, answer) }),
    iou: before && after ? intersectionOverUnion(before, after) : null,
    kept: { first: counts[0], last: counts[counts.length - 1] },
    visualTokensPerLayer: counts,
    averageEntering: averageTokens(counts),
    saved: {
      flops: 1 - own.flops / whole.flops,
      cacheBytes: 1 - own.cacheBytes / whole.cacheBytes,
      exactFlops: 1 - run.cost.flops / unpruned.cost.flops,
    },
  };
}

const COLUMNS: readonly (readonly [heading: string, of: (row: Compared) => string])[] = [
  ["method", ({ method }) => method],
  ["tokens", ({ kept }) => `${kept.first} → ${kept.last}`],
  ["average", ({ averageEntering }) => String(Number(averageEntering.toFixed(2)))],
  ["FLOPs saved", ({ saved }) => percent(saved.flops)],
  ["of all FLOPs", ({ saved }) => percent(saved.exactFlops)],
  ["cache saved", ({ saved }) => percent(saved.cacheBytes)],
  ["IoU with unpruned", ({ iou }) => (iou === null ? "-" : iou.toFixed(2))],
  ["answer", ({ answer, verdict: judged }) => `${shortened(answer)}${judged === undefined ? "" : ` (${judged})`}`],
];

/** The comparison as cells of a table, its head first. */
export function comparisonCells(rows: readonly Compared[]): string[][] {
  return [COLUMNS.map(([heading]) => heading), ...rows.map((row) => COLUMNS.map(([, of]) => of(row)))];
}

/** The same as lines; the last column is not aligned. */
export function comparisonTable(rows: readonly Compared[]): string[] {
  const cells = comparisonCells(rows);
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  return cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}
