import { settingKey } from "../../src/eval/run/sample.ts";
import type { Setting } from "../../src/eval/run/settings.ts";
import { pairedDifference } from "../../src/eval/score/difference.ts";
import { accuracy } from "../../src/eval/score/figures.ts";
import { groupBy } from "../../src/eval/score/grouping.ts";
import { unasked } from "../../src/eval/score/summary-table.ts";
import { POSITION_POLICIES } from "../../src/methods/nuwa/positions.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { type Figures, kept, label, printed, score, signed, table, tokens } from "./cells.ts";
import { ABLATED, DEEPER, type Experiment, MIDDLE, READ_OUT, SWITCHED, THRESHOLDED } from "./experiments.ts";
import { PAPER_POSITIONS, PAPER_RETENTION } from "./paper.ts";
import type { Spread } from "./spread.ts";
import { AVERAGES, COMPARED, CONTROLLED, POSITIONED } from "./table-settings.ts";

const FAMILIES = ["existence", "colour", "shape", "count", "relation"] as const;

const pick = ({ setting }: Experiment): Setting => setting;

/** The generated parts of docs/results.md, by name. */
export function tablesOf(figures: Figures, spreads: ReadonlyMap<Setting, Spread>): Record<string, string> {
  return {
    compared: table(
      [
        "method",
        "average",
        "entering a layer",
        "leaving it",
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
        setting.average ?? unasked(setting.method),
        tokens(figures, setting, "tokensEntering"),
        tokens(figures, setting, "tokensLeaving"),
        setting.positions,
        score(figures, setting, "all", "accuracy", true),
        ...FAMILIES.map((family) => score(figures, setting, family, "accuracy")),
        score(figures, setting, "grounding", "ACC@0.5", true),
        score(figures, setting, "grounding", "mean IoU"),
        kept(figures, setting, "all", "accuracy"),
        kept(figures, setting, "grounding", "ACC@0.5"),
      ]),
    ),
    paper: besidePaper(figures, AVERAGES),
    differences: differences(figures),
    positions: byPositions(figures),
    controls: short(figures, CONTROLLED),
    thresholds: bothReadings(figures, THRESHOLDED, ["RefCOCO-test"]),
    ablation: bothReadings(figures, ABLATED, ["GQA", "RefCOCO-test"]),
    spread: table(
      ["setting", "patches", "regions with one", "covering radius", "shapes with one"],
      [...spreads].map(([setting, { patches, regions, radius, shapes }]) => [
        label(setting),
        patches.toFixed(0),
        `${(100 * regions).toFixed(0)} %`,
        radius.toFixed(1),
        `${(100 * shapes).toFixed(0)} %`,
      ]),
    ),
    switches: short(figures, SWITCHED.map(pick)),
    deeper: byScore(figures, DEEPER.map(pick)),
    readout: byScore(figures, READ_OUT.map(pick)),
  };
}

/** The parts about a second model, of which fewer settings are measured. */
export function comparisonOf(figures: Figures): Record<string, string> {
  return {
    "unplaced-controls": short(figures, CONTROLLED),
    "unplaced-paper": besidePaper(figures, [MIDDLE]),
    "unplaced-positions": byPositions(figures),
  };
}

/** Retention of each method as its own code runs it, beside what the paper reports. */
function besidePaper(figures: Figures, averages: readonly string[]): string {
  return table(
    ["method", "average", "VQA kept, paper", "VQA kept, here", "grounding kept, paper", "grounding kept, here"],
    Object.entries(PAPER_RETENTION).flatMap(([method, byAverage]) =>
      averages.flatMap((average) =>
        COMPARED.filter(
          (one) => one.method === method && one.average === average && one.positions === methodNamed(method).positions,
        ).map((setting) => [
          label(setting),
          average,
          printed(byAverage[average][0]),
          kept(figures, setting, "all", "accuracy"),
          printed(byAverage[average][1]),
          kept(figures, setting, "grounding", "ACC@0.5"),
        ]),
      ),
    ),
  );
}

/** Table 3: every method under every position policy, beside the paper's figures. */
function byPositions(figures: Figures): string {
  return table(
    [
      "method",
      ...POSITION_POLICIES.map((policy) => `VQA, ${policy}`),
      ...POSITION_POLICIES.map((policy) => `ACC@0.5, ${policy}`),
      "paper, own ids",
      "paper, rpme",
    ],
    [...new Set(POSITIONED.map(label))].map((name) => {
      const own = POSITION_POLICIES.map(
        (policy) => POSITIONED.find((one) => label(one) === name && one.positions === policy) as Setting,
      );
      return [
        name,
        ...own.map((setting) => score(figures, setting, "all", "accuracy")),
        ...own.map((setting) => score(figures, setting, "grounding", "ACC@0.5", true)),
        ...[0, 1].map((i) => printed(PAPER_POSITIONS[own[0].method]?.[i], 2)),
      ];
    }),
  );
}

/** By how much Nüwa as released scores above each other row of the same average, on the same questions. */
function differences({ samples, seed }: Figures): string {
  const answers = groupBy(samples, settingKey);
  const above = (setting: Setting, task: string) => {
    const [own, others] = [nuwaAt(setting.average), setting].map((one) =>
      (answers.get(settingKey(one)) ?? []).filter((sample) => sample.task === task),
    );
    const { score, low, high } = pairedDifference(own, others, accuracy, seed);
    return `${signed(score)} (${signed(low)} to ${signed(high)})${low > 0 || high < 0 ? " *" : ""}`;
  };
  const others = COMPARED.filter(
    ({ method, variant, average }) => average && !(method === "nuwa" && variant === "official"),
  );
  return table(
    ["Nüwa (official) above", "ids", ...AVERAGES.flatMap((average) => [`VQA, ${average}`, `ACC@0.5, ${average}`])],
    [...groupBy(others, (setting) => [label(setting), setting.positions].join()).values()].map((settings) => [
      label(settings[0]),
      settings[0].positions,
      ...settings.flatMap((setting) => ["shapes-vqa", "shapes-grounding"].map((task) => above(setting, task))),
    ]),
  );
}

function nuwaAt(average: string | null): Setting {
  return { method: "nuwa", variant: "official", average, positions: "original" };
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

/** One line a label, with the released reading, the paper's, and the figures that the paper gives. */
function bothReadings(figures: Figures, experiments: readonly Experiment[], paper: readonly string[]): string {
  const columns = [
    ["VQA", "all", "accuracy"],
    ["ACC@0.5", "grounding", "ACC@0.5"],
  ] as const;
  const readings = ["official", "paper"] as const;
  return table(
    [
      "setting",
      ...readings.flatMap((variant) => columns.map(([heading]) => `${heading}, ${variant}`)),
      ...paper.map((name) => `${name} in the paper`),
    ],
    [...groupBy(experiments, ({ setting }) => setting.method)].map(([label, own]) => [
      label,
      ...readings.flatMap((variant) => {
        const { setting } = own.find((one) => one.setting.variant === variant) as Experiment;
        return columns.map(([, family, metric]) => score(figures, setting, family, metric, true));
      }),
      ...paper.map((_, i) => printed(own[0].paper?.[i], 2)),
    ]),
  );
}

/** One line for each pair of settings called "WHAT, attention" and "WHAT, random". */
function byScore(figures: Figures, settings: readonly Setting[]): string {
  const cells = (family: string, metric: string, own: readonly Setting[]) =>
    own.map((setting) => score(figures, setting, family, metric, true));
  return table(
    ["setting", "VQA, attention", "VQA, random", "ACC@0.5, attention", "ACC@0.5, random"],
    [...groupBy(settings, ({ method }) => method.split(", ")[0])].map(([label, own]) => [
      label,
      ...cells("all", "accuracy", own),
      ...cells("grounding", "ACC@0.5", own),
    ]),
  );
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
    `\`npm run tables -- --limit ${scenes} --seed ${seed}\`, ${date}, weights/shapes ` +
      `(fingerprint of configuration and weights \`${model.slice(0, 12)}\`), ${backend} backend.`,
    `Test split, ${scenes} scenes: ${questions} VQA questions and ${boxes} boxes for each setting; ` +
      `95 % bootstrap intervals over`,
    `scenes in brackets; "kept" is the score divided by the unpruned one. ` +
      `Tables 3, 7 and 8 are at an average of ${MIDDLE}.\n`,
  ].join("\n");
}
