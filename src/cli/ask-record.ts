import { join } from "node:path";
import { writeAtomically } from "../io/files.ts";
import type { SampleLedger } from "../methods/ledger.ts";
import { defaultAverage, type MethodDefinition } from "../methods/method.ts";
import { definition as nuwa } from "../methods/nuwa/definition.ts";
import type { PositionPolicy } from "../methods/nuwa/positions.ts";
import { REGION_SIZE } from "../methods/nuwa/separation.ts";
import { type NuwaSwitches, VARIANTS, type Variant } from "../methods/nuwa/variants.ts";
import type { VlmConfig } from "../model/vlm.ts";
import type { Answer } from "../pipeline/answer.ts";
import type { CutScores } from "../view/cut-scores.ts";
import { renderPng } from "../view/drawing/png.ts";
import { type DrawnImage, drawRun } from "../view/picture.ts";
import { type RunFacts, runRecord } from "../view/record.ts";
import type { AskedMethod, RunOptions } from "./options.ts";

/** The options of a run that its record repeats. */
export interface RecordedOptions extends RunOptions {
  readonly model: string;
  readonly out?: string;
  readonly maxNewTokens: number;
  readonly temperature?: number;
  readonly topP?: number;
}

/** What is written of a run. */
export interface Recorded {
  readonly images: readonly string[];
  readonly question: string;
  /** Where the prompt's template comes from. */
  readonly prompt: string;
  readonly backend: string;
  readonly config: VlmConfig;
  /** The images as they were read, and what the model saw of them. */
  readonly drawnImages: readonly DrawnImage[];
  /** What stage 2 scored, where the method says it. */
  readonly scores: readonly CutScores[];
  /** The tokens whose weights are drawn; undefined: the one that gathered most. */
  readonly chosen: readonly number[] | undefined;
  readonly answer: Answer;
  readonly unpruned: Answer | undefined;
  readonly asked: AskedMethod;
  readonly exactCost: RunFacts["exactCost"];
  readonly truth: RunFacts["truth"];
  readonly explored: RunFacts["explored"];
}

/** The options of a run that say how it prunes. */
export type PruningOptions = Pick<RunOptions, "variant" | "average" | "stage2" | "positions">;

/** The position policy that is run. */
function positionsOf({ definition }: Pick<AskedMethod, "definition">, { positions }: PruningOptions): PositionPolicy {
  return positions ?? definition.positions;
}

/** The method of a run in one line. */
export function describeMethod(asked: Pick<AskedMethod, "definition">, options: PruningOptions): string {
  const { definition } = asked;
  const { departure } = definition;
  const name = departure === undefined ? definition.name : `${definition.name} (${departure})`;
  if (definition.keepsEverything) return `${name}: every visual token goes everywhere`;
  const { variant, stage2 } = switchesOf(definition, options);
  const average = `average ${options.average ?? defaultAverage(definition)}`;
  const parts = [name, variant, average, stage2 && `${stage2} in stage 2`, `${positionsOf(asked, options)} positions`];
  return parts.filter(Boolean).join(", ");
}

/** How a method is run, as records say it. */
export function settingOf(asked: Pick<AskedMethod, "definition">, options: PruningOptions) {
  const { definition } = asked;
  return {
    positions: positionsOf(asked, options),
    ...switchesOf(definition, options),
    average: options.average ?? defaultAverage(definition),
    departure: definition.departure,
  };
}

/** The reading that is run, and Nüwa's second score. */
function switchesOf(
  { name, variants }: MethodDefinition,
  { variant = variants?.[0], stage2 }: PruningOptions,
): { variant?: string; stage2?: NuwaSwitches["stage2"] } {
  if (name !== nuwa.name) return { variant };
  return { variant, stage2: stage2 ?? VARIANTS[variant as Variant].stage2 };
}

/** The files of a record. */
export const RECORD_FILES = ["picture.png", "picture.svg", "run.json"];

/** Their paths in a folder. */
export function recordPaths(folder: string): string[] {
  return RECORD_FILES.map((name) => join(folder, name));
}

/** The picture of a run, as SVG. */
export function drawRecorded({
  drawnImages,
  scores,
  chosen,
  answer,
  unpruned,
  asked,
  question,
  truth,
}: Recorded): Promise<string> {
  const said = ({ text, boxes: [box] }: Answer) => ({ text, box });
  return drawRun({
    images: drawnImages,
    ledger: answer.ledger as SampleLedger,
    question,
    answers: {
      method: asked.definition.name,
      pruned: said(answer),
      ...(unpruned ? { unpruned: said(unpruned) } : {}),
    },
    scores,
    ...(chosen ? { chosen } : {}),
    ...(truth ? { truth: { text: truth.answer, box: truth.box } } : {}),
    ...(asked.definition.name === nuwa.name ? { regionSize: REGION_SIZE } : {}),
  });
}

/**
 * Writes picture.png, picture.svg and run.json to `--out`.
 *
 * @param svg see {@link drawRecorded}
 * @returns their paths
 */
export async function writeRecords(
  options: RecordedOptions,
  { answer, unpruned, asked, images, question, prompt, backend, config, exactCost, truth, explored }: Recorded,
  svg: string,
): Promise<string[]> {
  const [png, drawing, json] = recordPaths(options.out as string);
  const { model, seed, maxNewTokens, temperature, topP } = options;
  const { definition } = asked;
  const record = runRecord({
    ...{ images, question, prompt, backend, config, exactCost, truth, explored },
    answer: answer.text,
    answerIds: answer.ids,
    unprunedAnswer: unpruned?.text,
    model,
    method: { name: definition.name, ...settingOf(asked, options), seed },
    generation: { maxNewTokens, temperature, topP, seed },
    ledger: answer.ledger as SampleLedger,
  });
  writeAtomically(drawing, svg);
  writeAtomically(png, await renderPng(svg));
  writeAtomically(json, `${JSON.stringify(record, null, 2)}\n`);
  return [png, drawing, json];
}
