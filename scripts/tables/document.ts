import { type Sample, settingKey } from "../../src/eval/sample.ts";
import type { Setting } from "../../src/eval/settings.ts";
import type { SummaryRow } from "../../src/eval/summary.ts";
import { POSITION_POLICIES } from "../../src/pruning/positions.ts";
import { ABLATED, AVERAGES, COMPARED, CONTROLLED, MIDDLE, POSITIONED, SWITCHED, THRESHOLDED } from "./settings.ts";

/** Finds figures of an evaluation. */
export interface Figures {
  readonly rows: readonly SummaryRow[];
  readonly samples: readonly Sample[];
}

const FAMILIES = ["existence", "colour", "shape", "count", "relation"] as const;

/** Retention that the paper reports for LLaVA-1.5-7B, % (spec of the paper's tables 1 and 2): average → method → [VQA, grounding]. */
const PAPER: Readonly<Record<string, Readonly<Record<string, readonly [number | undefined, number | undefined]>>>> = {
  fastv: { "1/3": [89.5, undefined], "2/9": [85.0, 18.6], "1/9": [79.4, 3.8] },
  pyramiddrop: { "1/3": [95.7, undefined], "2/9": [94.3, undefined], "1/9": [71.6, undefined] },
  sparsevlm: { "1/3": [96.1, undefined], "2/9": [93.6, 12.8], "1/9": [89.9, 1.9] },
  visionzip: { "1/3": [98.3, undefined], "2/9": [97.6, 8.1], "1/9": [94.0, 7.3] },
  prumerge: { "1/3": [undefined, undefined], "2/9": [95.1, undefined], "1/9": [91.7, undefined] },
  nuwa: { "1/3": [98.8, 79.3], "2/9": [97.9, 75.2], "1/9": [94.9, 47.2] },
};

/** The generated parts of docs/results.md, by name. */
export function tablesOf(figures: Figures): Record<string, string> {
  const label = ({ method, variant }: Setting) => (variant ? `${method} (${variant})` : method);
  return {
    compared: table(
      [
        "method",
        "average",
        "tokens a layer",
        "ids",
        "VQA",
        ...FAMILIES,
        "ACC@0.5",
        "mean IoU",
        "VQA kept",
        "ACC@0.5 kept",
      ],
      COMPARED.map((setting) => [
        label(setting),
        setting.average ?? "all",
        tokens(figures, setting),
        setting.positions,
        score(figures, setting, "all", "accuracy", true),
        ...FAMILIES.map((family) => score(figures, setting, family, "accuracy")),
        score(figures, setting, "grounding", "ACC@0.5", true),
        score(figures, setting, "grounding", "mean IoU"),
        kept(figures, setting, "all", "accuracy"),
        kept(figures, setting, "grounding", "ACC@0.5"),
      ]),
    ),
    paper: table(
      ["method", "average", "VQA kept, paper", "VQA kept, here", "grounding kept, paper", "grounding kept, here"],
      Object.entries(PAPER).flatMap(([method, byAverage]) =>
        AVERAGES.flatMap((average) =>
          COMPARED.filter((one) => one.method === method && one.average === average && isOwn(one)).map((setting) => [
            label(setting),
            average,
            printed(byAverage[average][0]),
            kept(figures, setting, "all", "accuracy"),
            printed(byAverage[average][1]),
            kept(figures, setting, "grounding", "ACC@0.5"),
          ]),
        ),
      ),
    ),
    positions: table(
      [
        "method",
        ...POSITION_POLICIES.map((policy) => `VQA, ${policy}`),
        ...POSITION_POLICIES.map((policy) => `ACC@0.5, ${policy}`),
      ],
      [...new Set(POSITIONED.map(label))].map((name) => {
        const own = POSITION_POLICIES.map(
          (policy) => POSITIONED.find((one) => label(one) === name && one.positions === policy) as Setting,
        );
        return [
          name,
          ...own.map((setting) => score(figures, setting, "all", "accuracy")),
          ...own.map((setting) => score(figures, setting, "grounding", "ACC@0.5", true)),
        ];
      }),
    ),
    controls: short(figures, CONTROLLED),
    thresholds: short(
      figures,
      THRESHOLDED.map(({ setting }) => setting),
    ),
    switches: short(
      figures,
      SWITCHED.map(({ setting }) => setting),
    ),
    ablation: short(
      figures,
      ABLATED.map(({ setting }) => setting),
    ),
  };
}

/** Whether a row stands for the method as its own code runs it. */
function isOwn({ method, positions }: Setting): boolean {
  return method !== "visionzip" || positions === "compressed";
}

/** A table of few columns. */
function short(figures: Figures, settings: readonly Setting[]): string {
  return table(
    ["setting", "ids", "VQA", "ACC@0.5", "mean IoU"],
    settings.map((setting) => [
      setting.method,
      setting.positions,
      score(figures, setting, "all", "accuracy", true),
      score(figures, setting, "grounding", "ACC@0.5", true),
      score(figures, setting, "grounding", "mean IoU"),
    ]),
  );
}

function find({ rows }: Figures, setting: Setting, family: string, metric: string): SummaryRow {
  const key = settingKey(setting);
  const row = rows.find((one) => settingKey(one) === key && one.family === family && one.metric === metric);
  if (!row) throw new Error(`no ${metric} of ${family} for ${key}`);
  return row;
}

function score(figures: Figures, setting: Setting, family: string, metric: string, interval = false): string {
  const { score: value, low, high } = find(figures, setting, family, metric);
  return `${value.toFixed(3)}${interval ? ` (${low.toFixed(3)}–${high.toFixed(3)})` : ""}`;
}

function kept(figures: Figures, setting: Setting, family: string, metric: string): string {
  const { retention } = find(figures, setting, family, metric);
  return retention === null ? "–" : `${(100 * retention).toFixed(1)} %`;
}

function printed(percent: number | undefined): string {
  return percent === undefined ? "–" : `${percent.toFixed(1)} %`;
}

/** Visual tokens that really entered a layer, on average: some methods cannot reach what was asked for. */
function tokens({ samples }: Figures, setting: Setting): string {
  const own = samples.filter((sample) => settingKey(sample) === settingKey(setting));
  return (own.reduce((sum, { tokensEntering }) => sum + tokensEntering, 0) / own.length).toFixed(1);
}

function table(headings: readonly string[], lines: readonly (readonly string[])[]): string {
  return [headings, headings.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** What is said of a run above its tables. */
export interface RunFacts {
  readonly date: string;
  readonly model: string;
  readonly backend: string;
  readonly seed: number;
  readonly scenes: number;
  readonly questions: number;
  readonly boxes: number;
}

/** The lines about a run. */
export function factsOf({ date, model, backend, seed, scenes, questions, boxes }: RunFacts): string {
  return [
    `\`npm run tables -- --limit ${scenes} --seed ${seed}\`, ${date}, weights/shapes (fingerprint \`${model.slice(0, 12)}\`), ${backend} backend.`,
    `Test split, ${scenes} scenes: ${questions} VQA questions and ${boxes} boxes for each setting; 95 % bootstrap intervals over`,
    `scenes in brackets; "kept" is the score divided by the unpruned one. Tables 3, 7 and 8 are at an average of ${MIDDLE}.\n`,
  ].join("\n");
}
