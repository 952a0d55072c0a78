import { FAMILIES } from "../world/question.ts";
import { bootstrap, type Estimate } from "./bootstrap.ts";
import { type Sample, settingKey } from "./sample.ts";
import type { Setting } from "./settings.ts";
import { TASKS, type Task, taskOf } from "./tasks.ts";

/** One figure: an element of `summary.json`. */
export interface SummaryRow extends Setting {
  readonly task: Task;
  /** A family of questions; `all` of shapes-vqa pools its five. */
  readonly family: string;
  readonly metric: string;
  /** In [0, 1]. */
  readonly score: number;
  /** Answers that the score is the mean of. */
  readonly n: number;
  /** 95 % interval, see bootstrap.ts. */
  readonly low: number;
  readonly high: number;
  /** Score divided by the unpruned model's; null when that was not run, or scored 0. */
  readonly retention: number | null;
}

/** IoU thresholds of the RefCOCO harness; 0.5 is the reported one. */
const THRESHOLDS = [0.1, 0.3, 0.5, 0.7, 0.9] as const;

type Metrics = Readonly<Record<string, (sample: Sample) => number>>;

const METRICS: Readonly<Record<Task, Metrics>> = {
  "shapes-vqa": { accuracy: ({ correct }) => Number(correct) },
  "shapes-grounding": {
    ...Object.fromEntries(
      THRESHOLDS.map((threshold) => [`ACC@${threshold}`, ({ iou }: Sample) => Number((iou as number) >= threshold)]),
    ),
    "mean IoU": ({ iou }) => iou as number,
    "centre accuracy": ({ centre }) => Number(centre),
  },
};

/**
 * The figures of an evaluation, setting by setting.
 *
 * @param samples complete; in any order
 * @param seed of the intervals; all settings are resampled alike
 */
export function summarise(samples: readonly Sample[], settings: readonly Setting[], seed: number): SummaryRow[] {
  const scenes = [...new Set(samples.map(({ scene }) => scene))].sort((a, b) => a - b);
  const rows = settings.flatMap((setting) => {
    const own = samples.filter((sample) => settingKey(sample) === settingKey(setting));
    return familiesOf(own).flatMap(({ task, family, members }) =>
      Object.entries(METRICS[task]).map(([metric, value]) => ({
        ...{ task, family, ...pick(setting), metric },
        ...estimate(
          own.filter((sample) => members.includes(sample.family)),
          scenes,
          value,
          seed,
        ),
      })),
    );
  });
  const unpruned = new Map(rows.filter(({ method }) => method === "none").map((row) => [figureKey(row), row.score]));
  return rows.map((row) => {
    const base = unpruned.get(figureKey(row));
    return { ...row, retention: base ? row.score / base : null };
  });
}

function pick({ method, variant, average, positions }: Setting): Setting {
  return { method, variant, average, positions };
}

function figureKey({ task, family, metric }: Pick<SummaryRow, "task" | "family" | "metric">): string {
  return [task, family, metric].join();
}

/** The families that were asked, and the pool of a task's families where it has several. */
function familiesOf(samples: readonly Sample[]): { task: Task; family: string; members: readonly string[] }[] {
  const asked = FAMILIES.filter((family) => samples.some((sample) => sample.family === family));
  const single = asked.map((family) => ({
    task: taskOf(family),
    family: family as string,
    members: [family] as string[],
  }));
  const vqa = asked.filter((family) => taskOf(family) === "shapes-vqa");
  return vqa.length === 0
    ? single
    : [...single, { task: "shapes-vqa" as const, family: "all", members: TASKS["shapes-vqa"] as readonly string[] }];
}

function estimate(
  samples: readonly Sample[],
  scenes: readonly number[],
  value: (sample: Sample) => number,
  seed: number,
): Estimate {
  const groups = new Map(scenes.map((scene) => [scene, [] as number[]]));
  for (const sample of samples) groups.get(sample.scene)?.push(value(sample));
  return bootstrap([...groups.values()], seed);
}
