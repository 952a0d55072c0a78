import { coverageOf } from "../../../../src/analysis/coverage.ts";
import type { Grid } from "../../../../src/core/grid.ts";
import { mark } from "../../../../src/eval/tasks/marking.ts";
import { intersectionOverUnion } from "../../../../src/world/geometry.ts";
import { type Truth, truthOf } from "../../../../src/world/reading.ts";
import type { Scene } from "../../../../src/world/scene.ts";
import type { Told } from "../model/protocol.ts";
import { current, type Live } from "../state/live.ts";
import { gridOf } from "../state/state.ts";

/** Side of the regions of Nüwa. */
const REGION_SIZE = 2;

/** An answer and what it is called. */
export interface NumbersColumn {
  readonly name: string;
  readonly answer: Live<Told>;
  readonly testId?: string;
}

/** What is compared of answers to one question about one scene. */
export interface NumbersProps {
  readonly scene: Scene;
  readonly question: string;
  /** Null: it is not shown. */
  readonly unpruned: Live<Told> | null;
  readonly columns: readonly NumbersColumn[];
}

/** A table of answers, their boxes and what they cost, beside the unpruned model's. */
export function Numbers({ scene, question, unpruned: whole, columns }: NumbersProps) {
  const grid = gridOf.value;
  const truth = truthOf(scene, question);
  const unpruned = whole ? current(whole) : undefined;
  const all: readonly NumbersColumn[] = [...columns, ...(whole ? [{ name: "unpruned", answer: whole }] : [])];
  const toUnpruned = (told: Told) => (told === unpruned ? "" : unpruned ? overlapOf(told, unpruned.box) : "…");
  const rows: readonly (readonly [head: string, cell: (told: Told) => string])[] = [
    ["right?", (told) => verdictOf(told, truth)],
    ...(truth?.box ? [["IoU with the true box", (told: Told) => overlapOf(told, truth.box)] as const] : []),
    ...(whole ? [["IoU with the unpruned box", toUnpruned] as const] : []),
    ["patches kept before the decoder", (told) => `${cellsOf(told).length} of ${told.total}`],
    ["regions of 2 × 2 with a kept patch", (told) => coveredOf(told, grid)],
    ["visual tokens, mean of the layers", (told) => meanOf(told.entering).toFixed(1)],
    [
      "operations of the prefill, and share of the unpruned",
      (told) => `${(told.flops / 1e6).toFixed(0)} MFLOP${beside(told.flops, unpruned?.flops)}`,
    ],
    [
      "cache after the prefill, and share",
      (told) => `${(told.cacheBytes / 1024).toFixed(0)} KiB${beside(told.cacheBytes, unpruned?.cacheBytes)}`,
    ],
  ];
  return (
    <table class="numbers">
      <thead>
        <tr>
          <td />
          {all.map(({ name }) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">answer</th>
          {all.map(({ name, answer: { value, old }, testId }) => (
            <td key={name} class={old ? "old" : undefined} data-testid={testId}>
              {value?.text ?? "…"}
            </td>
          ))}
        </tr>
        {rows.map(([head, cell]) => (
          <tr key={head}>
            <th scope="row">{head}</th>
            {all.map(({ name, answer }) => {
              const told = current(answer);
              // What belongs to an earlier state is not marked, and compared with nothing.
              return <td key={name}>{told ? cell(told) : "…"}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Patches whose tokens enter the decoder. */
const cellsOf = ({ tokens }: Told) =>
  tokens.flatMap(({ cell, firstLayer }) => (cell >= 0 && firstLayer === 0 ? cell : []));

function coveredOf(told: Told, grid: Grid): string {
  const cells = cellsOf(told);
  if (cells.length === 0) return "none";
  const { coveredRegions, regions } = coverageOf(cells, grid, REGION_SIZE);
  return `${coveredRegions} of ${regions}`;
}

function verdictOf({ text }: Told, truth: Truth | undefined): string {
  if (!truth) return "not known";
  return mark(truth, text).correct ? "✓ right" : "✗ wrong";
}

function overlapOf({ box }: Told, other: Told["box"]): string {
  if (!other) return "no box";
  return box ? intersectionOverUnion(box, other).toFixed(2) : "no box";
}

const meanOf = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length;

const beside = (value: number, whole: number | undefined) =>
  whole && whole !== value ? ` (${Math.round((100 * value) / whole)} %)` : "";
