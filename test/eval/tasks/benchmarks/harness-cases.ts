import { batchesOf } from "../../../../src/eval/run/plan.ts";
import type { Sample } from "../../../../src/eval/run/sample.ts";
import { summarise } from "../../../../src/eval/score/summary.ts";
import type { Item } from "../../../../src/eval/tasks/item.ts";
import { llavaPreprocessing } from "../../../../src/model/llava/preprocessing.ts";
import { python2Pickle } from "./samples.ts";

/** One answer to every question, and what lmms-eval makes of them; see test/fixtures/harness/generate.py. */
export interface HarnessRun {
  readonly answers: readonly string[];
  /** In [0, 1]; of RefCOCO the overlap of the boxes. */
  readonly scores: readonly number[];
  /** RefCOCO: whether the middle of the box is in the right one. */
  readonly centres?: readonly boolean[];
  /** MMBench: the letter that each answer is read as. */
  readonly letters?: readonly (string | null)[];
  readonly figures: Readonly<Record<string, number>>;
}

/** The cases of a benchmark. */
export interface HarnessCase {
  // biome-ignore lint/suspicious/noExplicitAny: each benchmark has a format of its own
  readonly data: any;
  readonly prompts: readonly string[];
  readonly runs: readonly HarnessRun[];
  /** TextVQA: words, and what they become. */
  readonly normal?: readonly (readonly [string, string])[];
}

type Files = Record<string, string>;

/** The files of a benchmark as its authors distribute them, by name; text ends its lines with `end`. */
export const FILES: Readonly<Record<string, (data: HarnessCase["data"], end: string) => Files>> = {
  gqa: (data) => ({ "testdev_balanced_questions.json": JSON.stringify(data) }),
  pope: (data, end) =>
    Object.fromEntries(
      Object.entries(data as Record<string, unknown[]>).map(([name, lines]) => [
        `coco_pope_${name}.json`,
        lines.map((line) => `${JSON.stringify(line)}${end}`).join(""),
      ]),
    ),
  mme: (data, end) =>
    Object.fromEntries(
      Object.entries(data as Record<string, Record<string, string[][]>>).flatMap(([category, pictures]) =>
        Object.entries(pictures).flatMap(([name, pair]) => [
          [`${category}/${name}.txt`, pair.map((line) => `${line.join("\t")}${end}`).join("")],
          [`${category}/${name}.png`, "not looked at"],
        ]),
      ),
    ),
  textvqa: (data) => ({ "TextVQA_0.5.1_val.json": JSON.stringify(data) }),
  scienceqa: ({ problems, test }) => ({
    "problems.json": JSON.stringify(problems),
    "pid_splits.json": JSON.stringify({ test }),
  }),
  mmbench: (data: Record<string, string | number>[], end) => {
    const columns = [...Object.keys(data[0]), "image"];
    const cell = (value: unknown) => `"${String(value).replaceAll('"', '""')}"`;
    const rows = data.map((row) => columns.map((column) => (row[column] === "nan" ? "" : cell(row[column] ?? "AAAA"))));
    return { "mmbench_dev_en_20231003.tsv": [columns, ...rows].map((cells) => `${cells.join("\t")}${end}`).join("") };
  },
  refcoco: ({ images, annotations, refs }) => ({
    "instances.json": JSON.stringify({ images, annotations }),
    "refs(unc).p": python2Pickle(refs),
  }),
};

const SETTING = { method: "none", variant: null, average: null, positions: "original" } as const;
const SEEN = llavaPreprocessing({ imageSize: [336, 336], mean: [0, 0, 0], std: [1, 1, 1], aspect: "pad" });

/** All questions of a benchmark. */
export function itemsOf(task: string, data: string): Item[] {
  const plan = { tasks: [task], settings: [SETTING], split: "test", seed: 1, data } as const;
  return batchesOf(plan).flatMap(({ items }) => items);
}

/** An answer to each question, marked. */
export function samplesOf(items: readonly Item[], answers: readonly string[]): Sample[] {
  return items.map((item, i) => {
    const { task, family, style, split, scene, id, question, expected } = item;
    const where = { task, family, style, split, seed: 1, scene, id, batch: 0, question, expected };
    const mark = item.mark(answers[i], SEEN);
    return { ...where, answer: answers[i], ...mark, ...SETTING, tokensEntering: 1, tokensLeaving: 1 };
  });
}

/** What an answer counts in its benchmark. */
export function scoreOf({ iou, marks, correct }: Sample): number {
  return iou ?? marks?.accuracy ?? Number(correct);
}

/** A figure of a summary by name: a metric of all questions, or a category of MME. */
export function figuresOf(samples: readonly Sample[]): (name: string) => number | undefined {
  const rows = summarise(samples, [SETTING], 1);
  return (name) =>
    (
      rows.find(({ family, metric }) => metric === "score" && family === name) ??
      rows.find(({ family, metric }) => metric === name && ["all", "val"].includes(family))
    )?.score;
}
