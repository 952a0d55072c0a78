import { REGISTRY } from "../run/catalogue.ts";
import { type Sample, settingKey } from "../run/sample.ts";
import type { Setting } from "../run/settings.ts";
import { SHAPES_TASKS } from "../tasks/shapes-tasks.ts";
import { SCORING } from "../tasks/tasks.ts";
import type { SummaryRow } from "./summary.ts";

/** The columns of figures: heading, and which row of the summary it shows. */
const COLUMNS: readonly { heading: string; family: string; metric: string; interval?: boolean }[] = [
  { heading: "VQA", family: "all", metric: "accuracy", interval: true },
  ...["existence", "colour", "shape", "count", "relation"].map((family) => ({
    heading: family,
    family,
    metric: "accuracy",
  })),
  { heading: "ACC@0.5", family: "grounding", metric: "ACC@0.5", interval: true },
  { heading: "mean IoU", family: "grounding", metric: "mean IoU" },
  { heading: "centre", family: "grounding", metric: "centre accuracy" },
];

/** The retentions shown, after the figures. */
const RETENTIONS = [
  { heading: "VQA kept", family: "all", metric: "accuracy" },
  { heading: "ACC@0.5 kept", family: "grounding", metric: "ACC@0.5" },
];

function isShapesTask(task: string): boolean {
  return Object.hasOwn(SHAPES_TASKS, task);
}

/** The rows that each task reports: one metric, of a pool or of every family. */
export function reportedRows(rows: readonly SummaryRow[]): SummaryRow[] {
  return rows.filter(({ task, family, metric }) => {
    const { reported } = SCORING[task];
    return metric === reported.metric && family === (reported.family ?? family);
  });
}

/** What tables and plots call a reported row; the family is named where a task reports several. */
export function reportedName({ task, family, metric }: SummaryRow): string {
  const several = SCORING[task].reported.family === undefined && family !== "all";
  return `${task}${several ? ` ${family}` : ""} ${metric}`;
}

/**
 * The summary as Markdown: a table of the tasks over the world of shapes, and one of the benchmarks; behind them which
 * methods are not the published ones.
 */
export function summaryTable(rows: readonly SummaryRow[], samples: readonly Sample[]): string {
  const [shapes, benchmarks] = [
    rows.filter(({ task }) => isShapesTask(task)),
    rows.filter(({ task }) => !isShapesTask(task)),
  ];
  const failed = samples.filter((sample) => sample.failed !== undefined).length;
  const methods = [...new Set(rows.map(({ method }) => method))];
  const departures = methods.flatMap((name) => {
    const departure = REGISTRY.get(name)?.departure;
    return departure === undefined ? [] : [`${name}: ${departure}.\n`];
  });
  return [
    ...(shapes.length > 0 ? [shapesTable(shapes, samples)] : []),
    ...(benchmarks.length > 0 ? [benchmarksTable(benchmarks, samples)] : []),
    ...(failed > 0
      ? [`${failed} of ${samples.length} answers could not be decoded or marked; they count as wrong.\n`]
      : []),
    ...departures,
  ].join("\n");
}

/** One line a setting; columns that no setting has are left out. */
function shapesTable(rows: readonly SummaryRow[], samples: readonly Sample[]): string {
  const settings = new Map(rows.map((row) => [settingKey(row), row as Setting]));
  const find = (key: string, family: string, metric: string) =>
    rows.find((row) => settingKey(row) === key && row.family === family && row.metric === metric);
  const asked = (column: { family: string; metric: string }) =>
    rows.some((row) => row.family === column.family && row.metric === column.metric);
  const columns = COLUMNS.filter(asked);
  const retentions = RETENTIONS.filter((one) =>
    rows.some((row) => row.family === one.family && row.retention !== null),
  );
  const lines = [...settings].map(([key, setting]) => {
    return [
      ...settingCells(setting, samples, isShapesTask),
      ...columns.map((column) => figure(find(key, column.family, column.metric), column.interval)),
      ...retentions.map(({ family, metric }) => percent(find(key, family, metric)?.retention)),
    ];
  });
  return table([...HEADINGS, ...[...columns, ...retentions].map(({ heading }) => heading)], lines);
}

/** One line a setting, the reported figure of every benchmark and what of it is kept, and the mean of what is kept. */
function benchmarksTable(rows: readonly SummaryRow[], samples: readonly Sample[]): string {
  const reported = reportedRows(rows);
  const settings = new Map(reported.map((row) => [settingKey(row), row as Setting]));
  const columns = [...new Set(reported.map(reportedName))];
  const lines = [...settings].map(([key, setting]) => {
    const own = new Map(reported.filter((row) => settingKey(row) === key).map((row) => [reportedName(row), row]));
    const kept = columns.map((column) => own.get(column)?.retention ?? null);
    const known = kept.filter((share) => share !== null);
    return [
      ...settingCells(setting, samples, (task) => !isShapesTask(task)),
      ...columns.flatMap((column, i) => [figure(own.get(column), true), percent(kept[i])]),
      percent(known.length === columns.length ? known.reduce((sum, share) => sum + share, 0) / known.length : null),
    ];
  });
  return table([...HEADINGS, ...columns.flatMap((column) => [column, "kept"]), "mean kept"], lines);
}

/** Both averages are given, because papers count one or the other. */
const HEADINGS = ["method", "average", "tokens entering a layer", "leaving it", "positions"];

/** What stands for the average of a setting that was asked for none. */
export function unasked(method: string): string {
  return REGISTRY.get(method)?.publishedOnly ? "as published" : "all";
}

/** The cells under {@link HEADINGS}. */
function settingCells(setting: Setting, samples: readonly Sample[], ofTask: (task: string) => boolean): string[] {
  const { method, variant, average, positions } = setting;
  const key = settingKey(setting);
  const own = samples.filter((sample) => settingKey(sample) === key && ofTask(sample.task));
  const mean = (tokens: (sample: Sample) => number) =>
    (own.reduce((sum, sample) => sum + tokens(sample), 0) / own.length).toFixed(1);
  return [
    ...[variant ? `${method} (${variant})` : method, average ?? unasked(method)],
    ...[mean(({ tokensEntering }) => tokensEntering), mean(({ tokensLeaving }) => tokensLeaving), positions],
  ];
}

function figure(row: SummaryRow | undefined, interval = false): string {
  if (!row) return "–";
  return `${row.score.toFixed(3)}${interval ? ` (${row.low.toFixed(3)}–${row.high.toFixed(3)})` : ""}`;
}

function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`;
}

function table(headings: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return [headings, headings.map(() => "---"), ...lines].map(row).join("");
}
