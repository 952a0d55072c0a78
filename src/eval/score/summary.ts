import { UNPRUNED } from "../run/catalogue.ts";
import { type Sample, settingKey } from "../run/sample.ts";
import type { Setting } from "../run/settings.ts";
import { SCORING } from "../tasks/tasks.ts";
import { bootstrapSums } from "./bootstrap.ts";
import type { Figure, Scoring } from "./figures.ts";
import { groupBy } from "./grouping.ts";

/** One figure: an element of `summary.json`. */
export interface SummaryRow extends Setting {
  readonly task: string;
  /** A family of questions, or a pool of them: `all` of shapes-vqa pools its five. */
  readonly family: string;
  readonly metric: string;
  /** In [0, 1], save for MME, which counts points. */
  readonly score: number;
  /** Answers that the score is made of. */
  readonly n: number;
  /** 95 % interval, see bootstrap.ts. */
  readonly low: number;
  readonly high: number;
  /** Score divided by the unpruned model's; null when that was not run, or scored 0. */
  readonly retention: number | null;
}

/**
 * The figures of an evaluation, setting by setting.
 *
 * @param samples complete; in any order
 * @param seed of the intervals; all settings are resampled alike
 */
export function summarise(samples: readonly Sample[], settings: readonly Setting[], seed: number): SummaryRow[] {
  const scenes = scenesByTask(samples);
  const bySetting = groupBy(samples, settingKey);
  const rows = settings.flatMap((setting) => {
    const own = bySetting.get(settingKey(setting)) ?? [];
    return familiesOf(own).flatMap(({ task, family, members, figures }) =>
      figures.map((figure) => ({
        ...{ task, family, ...pick(setting), metric: figure.metric },
        ...estimate(members, scenes.get(sceneSpace(task)) as string[], figure, seed),
      })),
    );
  });
  const unpruned = new Map(rows.filter(({ method }) => method === UNPRUNED).map((row) => [figureKey(row), row.score]));
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

/** The tasks over the world of shapes ask about the same scenes, each benchmark about its own pictures. */
function sceneSpace(task: string): string {
  return task.startsWith("shapes-") ? "shapes" : task;
}

function scenesByTask(samples: readonly Sample[]): Map<string, string[]> {
  const spaces = groupBy(samples, ({ task }) => sceneSpace(task));
  return new Map(
    [...spaces].map(([space, own]) => {
      const scenes = [...new Set(own.map(({ scene }) => scene))];
      scenes.sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : 1));
      return [space, scenes.map(String)];
    }),
  );
}

interface FamilySamples {
  readonly task: string;
  readonly family: string;
  readonly members: readonly Sample[];
  readonly figures: readonly Figure[];
}

/** The families that were asked, those of all tasks first, and then their pools. */
function familiesOf(samples: readonly Sample[]): FamilySamples[] {
  const byTask = groupBy(samples, ({ task }) => task);
  const tasks = Object.entries(SCORING).flatMap(([task, scoring]) => {
    const own = byTask.get(task);
    return own ? [{ task, own, scoring }] : [];
  });
  return [...tasks.flatMap(singleFamilies), ...tasks.flatMap(pools)];
}

interface TaskSamples {
  readonly task: string;
  readonly own: readonly Sample[];
  readonly scoring: Scoring;
}

function singleFamilies({ task, own, scoring }: TaskSamples): FamilySamples[] {
  const { families = [], figures } = scoring;
  const byFamily = groupBy(own, ({ family }) => family);
  const others = [...byFamily.keys()].filter((family) => !families.includes(family)).sort();
  return [...families, ...others].flatMap((family) => {
    const members = byFamily.get(family);
    return members ? [{ task, family, members, figures }] : [];
  });
}

function pools({ task, own, scoring }: TaskSamples): FamilySamples[] {
  return scoring.pools.flatMap(({ family, members, figures }) => {
    const pooled = members ? own.filter((sample) => members.includes(sample.family)) : own;
    return pooled.length > 0 ? [{ task, family, members: pooled, figures }] : [];
  });
}

function estimate(samples: readonly Sample[], scenes: readonly string[], figure: Figure, seed: number) {
  const byScene = groupBy(samples, ({ scene }) => String(scene));
  const groups = scenes.map((scene) => figure.add(byScene.get(scene) ?? []));
  return { ...bootstrapSums(groups, figure.score, seed), n: samples.length };
}
