import type { Box } from "../core/boxes.ts";
import { UsageError } from "../core/errors.ts";
import type { Picture } from "../core/resample.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import { firstCells } from "../model/image-shape.ts";
import type { GridPicture } from "../model/preprocessing.ts";
import type { CutScores } from "./cut-scores.ts";
import { type BoxKind, boxEntry, boxFrames } from "./drawing/boxes.ts";
import { type DrawnGrid, type Gathered, gatheredPanel, scorePanel } from "./drawing/grid-panels.ts";
import { keptPanel } from "./drawing/kept-panel.ts";
import { layersChart } from "./drawing/layers.ts";
import { legend } from "./drawing/legend.ts";
import { drawingOf, GAP, PANEL, type Panel, panelRows, TALLEST, WIDTH } from "./drawing/panel.ts";
import { type Scene, sceneOf } from "./drawing/scene.ts";
import { type Block, paragraph, stacked } from "./drawing/text.ts";

/** An image of a run, to draw on. */
export interface DrawnImage {
  /** The whole picture as it was read; undefined: what the model sees is drawn, with as many pixels as that has. */
  readonly picture?: Picture;
  /** What the model saw in each of its grids, see `PreparedImage.pictures`. */
  readonly grids: readonly GridPicture[];
}

/** An answer of a run. */
export interface DrawnAnswer {
  readonly text: string;
  /** The box that it holds, as fractions of what the model sees; drawn where there is one image. */
  readonly box?: Box;
}

/** What {@link drawRun} draws. */
export interface RunDrawing {
  readonly images: readonly DrawnImage[];
  /** Of the pruned run. */
  readonly ledger: SampleLedger;
  readonly question?: string;
  /** The pruned answer under the name of its method, and the unpruned one. */
  readonly answers?: { readonly method: string; readonly pruned: DrawnAnswer; readonly unpruned?: DrawnAnswer };
  /** The true answer, where it is known. */
  readonly truth?: DrawnAnswer;
  /** What stage 2 scored, see `recordScores`; undefined: no scores are drawn. */
  readonly scores?: readonly CutScores[];
  /** Side of the method's regions, in cells (Nüwa's 2): their borders are drawn. */
  readonly regionSize?: number;
  /** Numbers in the ledger of tokens whose weights are drawn; undefined: the one that gathered most, in each grid. */
  readonly chosen?: readonly number[];
  /** Before every id of the drawing, so that several can stand in one page ("run-"). */
  readonly idPrefix?: string;
}

/**
 * The picture of a run: question and answers; for each image its scene with the boxes, and for each of its grids what
 * stage 1 kept, what a token is made of, what each cut in the decoder scored, what entered the layers in which new
 * tokens begin, and the last one; then the visual tokens per decoder layer. Panels stand two by two in a drawing 640
 * units wide with letters 20 high.
 *
 * @example
 * const scores = recordScores();
 * const { text, ledger } = await answer(vlm, image, question, { method: "nuwa", tap: scores.tap });
 * const svg = await drawRun({
 *   images: [{ grids: image.pictures }],
 *   ledger: ledger as SampleLedger,
 *   question,
 *   answers: { method: "nuwa", pruned: { text } },
 *   scores: await scores.read(),
 *   regionSize: 2,
 * });
 *
 * @returns SVG text; `renderPng` makes it a PNG
 * @throws UsageError when the ledger has no token of a number in `chosen`, or it is a patch alone
 */
export async function drawRun(run: RunDrawing): Promise<string> {
  const { images, ledger, question, chosen = [] } = run;
  const definitions: string[] = [];
  const sections: Block[] = [];
  if (question !== undefined) sections.push(paragraph(question, { width: INNER, size: 22, bold: true, lines: 4 }));
  for (const { label, text } of saidIn(run)) sections.push(paragraph(`${label}: ${text}`, { width: INNER, lines: 4 }));
  const drawn = new Set<number>();
  for (const image of images.keys()) {
    const found = await imagePanels(run, image);
    definitions.push(...found.definitions);
    for (const number of found.gathered) drawn.add(number);
    const panels = image < images.length - 1 ? found.panels : [...found.panels, chartPanel(ledger)];
    if (images.length > 1) sections.push(paragraph(`Image ${image + 1}`, { width: INNER, size: 22, bold: true }));
    sections.push(panelRows(panels));
  }
  const lacking = chosen.find((number) => !drawn.has(number));
  if (lacking !== undefined)
    throw new UsageError(`token ${lacking} is none of the run's tokens that are made of several patches.`);
  return drawingOf(question ?? "What a pruned run kept", definitions, stacked(sections, GAP));
}

const INNER = WIDTH - 2 * GAP;

/** The answers, and what is true, each with its label. */
function saidIn({ answers, truth }: RunDrawing): ({ kind: BoxKind; label: string } & DrawnAnswer)[] {
  return [
    ...(truth ? [{ kind: "truth" as const, label: "true", ...truth }] : []),
    ...(answers?.unpruned ? [{ kind: "unpruned" as const, label: "unpruned", ...answers.unpruned }] : []),
    ...(answers ? [{ kind: "pruned" as const, label: answers.method, ...answers.pruned }] : []),
  ];
}

/** The panels of one image: its scene, then those of each grid. */
async function imagePanels(
  run: RunDrawing,
  image: number,
): Promise<{ definitions: string[]; panels: Panel[]; gathered: number[] }> {
  const { ledger, regionSize, idPrefix = "run-" } = run;
  const { picture, grids } = run.images[image];
  const [definitions, panels, gathered]: [string[], Panel[], number[]] = [[], [], []];
  const starts = firstCells(ledger.images[image]);
  const tokens = ledger.tokens.flatMap((token, number) => (token.image === image ? [{ number, token }] : []));
  for (const [i, seen] of grids.entries()) {
    const prefix = `${idPrefix}${image}-${i}-`;
    const scene = await sceneOf(seen, picture, `${prefix}seen`, { width: PANEL, height: TALLEST });
    definitions.push(scene.definition);
    if (i === 0) panels.push(scenePanel(run, scene));
    const own = gridPanels(
      {
        ...{ scene, tokens, regionSize, idPrefix: prefix },
        ...{ grid: ledger.images[image].grids[i], first: starts[i], cellName: seen.cellName },
      },
      run,
    );
    gathered.push(...own.gathered);
    const name = grids.length > 1 && seen.gridName !== undefined ? `${seen.gridName}. ` : "";
    panels.push(...own.panels.map((panel) => ({ ...panel, title: name + panel.title })));
  }
  return { definitions, panels, gathered };
}

/** The picture with the boxes. A box does not say which of several images it means. */
function scenePanel(run: RunDrawing, scene: Scene): Panel {
  const boxes = run.images.length > 1 ? [] : saidIn(run).flatMap((one) => (one.box ? [{ ...one, box: one.box }] : []));
  return {
    title: boxes.length > 0 ? "The picture, and where the answers point" : "The picture",
    body: { svg: scene.use + boxFrames(boxes, scene.size), height: scene.size.height },
    notes: [
      legend(
        boxes.map(({ kind, label }) => boxEntry(kind, label)),
        PANEL,
      ),
    ],
  };
}

/** The panels of one grid, and which tokens' weights they show. */
function gridPanels(
  drawn: DrawnGrid,
  {
    ledger,
    scores = [],
    chosen = [undefined],
  }: Omit<RunDrawing, "chosen"> & { chosen?: readonly (number | undefined)[] },
): { gathered: number[]; panels: Panel[] } {
  const found = chosen.flatMap((number) => gatheredPanel(drawn, number) ?? []);
  const asked = found.map(({ token }) => token);
  const placeless = drawn.tokens.filter(({ token: { cell, firstLayer } }) => cell < 0 && firstLayer === 0);
  const mixtures = placeless.flatMap(({ number }) =>
    asked.includes(number) ? [] : (gatheredPanel(drawn, number) ?? []),
  );
  const last = ledger.layers - 1;
  const isCut = drawn.tokens.some(({ token: one }) => one.layers <= last || one.firstLayer > 0);
  const ownScores = scores.filter((cut) => drawn.tokens.some(({ number }) => cut.scores.has(number)));
  const cuts = [
    ...ownScores.map((cut) => ({ layer: cut.layer, panel: scorePanel(drawn, cut) })),
    ...layersWithNew(drawn, last).map((layer) => ({
      layer,
      panel: keptPanel(drawn, `Entering layer ${layer}`, layer),
    })),
  ].sort((a, b) => a.layer - b.layer);
  return {
    gathered: asked,
    panels: [
      keptPanel(drawn, "Before the decoder", 0, mixtures.length > 0 ? titlesOf(mixtures) : undefined),
      ...[...found, ...mixtures].map(({ panel }) => panel),
      ...cuts.map(({ panel }) => panel),
      ...(isCut ? [keptPanel(drawn, "In the last layer", last)] : []),
    ],
  };
}

function titlesOf(panels: readonly Gathered[]): string {
  const [first] = panels.map(({ panel }) => `“${panel.title}”`);
  return panels.length === 1 ? first : `${first} and the panels behind it`;
}

/** Layers in which tokens begin that a cut has made of dropped ones, unless the last layer shows the same tokens. */
function layersWithNew({ tokens }: DrawnGrid, last: number): number[] {
  const here = (layer: number) =>
    tokens.filter(({ token }) => token.firstLayer <= layer && token.layers > layer).map(({ number }) => number);
  const layers = new Set(tokens.map(({ token }) => token.firstLayer));
  return [...layers].filter((layer) => layer > 0 && here(layer).join() !== here(last).join()).sort((a, b) => a - b);
}

function chartPanel(ledger: SampleLedger): Panel {
  return {
    title: `Visual tokens entering each of ${ledger.layers} layers`,
    body: layersChart(ledger, PANEL, 200),
    notes: [],
  };
}
