import { firstCells } from "../model/image-shape.ts";
import type { Compared, ComparedRun } from "./comparison.ts";
import { type BoxKind, boxEntry, boxFrames } from "./drawing/boxes.ts";
import type { DrawnGrid } from "./drawing/grid-panels.ts";
import { layersChart } from "./drawing/layers.ts";
import { legend } from "./drawing/legend.ts";
import { drawingOf, GAP, PANEL, type Panel, panelRows, TALLEST, WIDTH } from "./drawing/panel.ts";
import { type Scene, sceneOf } from "./drawing/scene.ts";
import { stageEntries, stagesOf } from "./drawing/stages-panel.ts";
import { FONT, paragraph, stacked } from "./drawing/text.ts";
import type { DrawnAnswer, DrawnImage } from "./picture.ts";

/** What {@link drawComparison} draws. */
export interface ComparisonDrawing {
  readonly image: DrawnImage;
  readonly question: string;
  readonly truth?: DrawnAnswer;
  /** The unpruned run first, each with what `comparedWith` says of it. */
  readonly runs: readonly { readonly run: ComparedRun; readonly compared: Compared }[];
  /** Before every id of the drawing, so that several can stand in one page ("compare-"). */
  readonly idPrefix?: string;
}

/**
 * Methods side by side: for each how far every cell got, where its answer and the unpruned one point, the answer and
 * whether it held, what was saved, and the visual tokens per decoder layer.
 *
 * @returns SVG text
 */
export async function drawComparison(drawing: ComparisonDrawing): Promise<string> {
  const { image, question, truth, runs, idPrefix = "compare-" } = drawing;
  const width = WIDTH - 2 * GAP;
  const scenes: Scene[] = [];
  for (const [i, seen] of image.grids.entries())
    scenes.push(await sceneOf(seen, image.picture, `${idPrefix}${i}-seen`, { width: PANEL, height: TALLEST }));
  const panels = runs.map((one) => runPanel(one, drawing, scenes));
  const truths = truth ? [paragraph(`true: ${truth.text}`, { width, lines: 4 })] : [];
  return drawingOf(
    question,
    scenes.map(({ definition }) => definition),
    stacked([paragraph(question, { width, size: 22, bold: true, lines: 4 }), ...truths, panelRows(panels)], GAP),
  );
}

function runPanel(
  { run, compared }: ComparisonDrawing["runs"][number],
  { image, truth, runs: [unpruned] }: ComparisonDrawing,
  scenes: readonly Scene[],
): Panel {
  const { ledger, method, answer } = run;
  const isUnpruned = run === unpruned.run;
  const [own] = answer.boxes;
  const [before] = unpruned.run.answer.boxes;
  const boxes = [
    ...(truth?.box ? [{ kind: "truth" as BoxKind, label: "true", box: truth.box }] : []),
    ...(before ? [{ kind: "unpruned" as BoxKind, label: "unpruned", box: before }] : []),
    ...(own && !isUnpruned ? [{ kind: "pruned" as BoxKind, label: method, box: own }] : []),
  ];
  const starts = firstCells(ledger.images[0]);
  const grids = scenes.map(
    (scene, i): DrawnGrid => ({
      ...{ scene, grid: ledger.images[0].grids[i], first: starts[i], cellName: image.grids[i].cellName },
      ...{ tokens: ledger.tokens.map((token, number) => ({ number, token })), regionSize: undefined, idPrefix: "" },
    }),
  );
  const stages = grids.map((grid) => stagesOf(grid, ledger.layers));
  const bodies = scenes.map(({ size }, i) => ({ svg: stages[i].svg + boxFrames(boxes, size), height: size.height }));
  const note = (text: string) => paragraph(text, { width: PANEL, size: FONT.small, lines: 4 });
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const entries = [...boxes.map(({ kind, label }) => boxEntry(kind, label)), ...stageEntries(stages)];
  return {
    title: isUnpruned ? "Unpruned" : method,
    body: stacked(bodies, 6),
    notes: [
      legend(entries, PANEL),
      note(compared.answer),
      ...(compared.verdict === undefined ? [] : [note(compared.verdict)]),
      ...(isUnpruned
        ? []
        : [
            note(`saves ${percent(compared.saved.flops)} of FLOPs, ${percent(compared.saved.cacheBytes)} of the cache`),
          ]),
      layersChart(ledger, PANEL, 90),
    ],
  };
}
