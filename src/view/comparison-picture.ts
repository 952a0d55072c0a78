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
  /** In the order of the prompt; boxes are drawn where there is one. */
  readonly images: readonly DrawnImage[];
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
  const { images, question, truth, runs, idPrefix = "compare-" } = drawing;
  const width = WIDTH - 2 * GAP;
  const scenes: SeenGrid[] = [];
  for (const [image, { picture, grids }] of images.entries())
    for (const [index, seen] of grids.entries()) {
      const id = `${idPrefix}${image}-${index}-seen`;
      const scene = await sceneOf(seen, picture, id, { width: PANEL, height: TALLEST });
      scenes.push({ image, index, scene, cellName: seen.cellName });
    }
  const panels = runs.map((one) => runPanel(one, drawing, scenes));
  const truths = truth ? [paragraph(`true: ${truth.text}`, { width, lines: 4 })] : [];
  return drawingOf(
    question,
    scenes.map(({ scene }) => scene.definition),
    stacked([paragraph(question, { width, size: 22, bold: true, lines: 4 }), ...truths, panelRows(panels)], GAP),
  );
}

/** A grid of one of the images. */
interface SeenGrid {
  readonly image: number;
  /** Which of the image's grids it is. */
  readonly index: number;
  readonly scene: Scene;
  readonly cellName: string;
}

function runPanel(
  { run, compared }: ComparisonDrawing["runs"][number],
  { images, truth, runs: [unpruned] }: ComparisonDrawing,
  scenes: readonly SeenGrid[],
): Panel {
  const { ledger, method, answer } = run;
  const isUnpruned = run === unpruned.run;
  const [own] = answer.boxes;
  const [before] = unpruned.run.answer.boxes;
  const all = [
    ...(truth?.box ? [{ kind: "truth" as BoxKind, label: "true", box: truth.box }] : []),
    ...(before ? [{ kind: "unpruned" as BoxKind, label: "unpruned", box: before }] : []),
    ...(own && !isUnpruned ? [{ kind: "pruned" as BoxKind, label: method, box: own }] : []),
  ];
  // A box does not say which of several images it means.
  const boxes = images.length > 1 ? [] : all;
  const tokensOf = (image: number) =>
    ledger.tokens.flatMap((token, number) => (token.image === image ? [{ number, token }] : []));
  const grids = scenes.map(
    ({ image, index, scene, cellName }): DrawnGrid => ({
      ...{ scene, grid: ledger.images[image].grids[index], first: firstCells(ledger.images[image])[index], cellName },
      ...{ tokens: tokensOf(image), regionSize: undefined, idPrefix: "" },
    }),
  );
  const stages = grids.map((grid) => stagesOf(grid, ledger.layers));
  const bodies = scenes.map(({ scene: { size } }, i) => ({
    svg: stages[i].svg + boxFrames(boxes, size),
    height: size.height,
  }));
  const note = (text: string) => paragraph(text, { width: PANEL, size: FONT.small, lines: 4 });
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const states = stageEntries(stages, ledger.tokens, ledger.layers, scenes[0].cellName);
  const entries = [...boxes.map(({ kind, label }) => boxEntry(kind, label)), ...states];
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
