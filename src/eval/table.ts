import { type Sample, settingKey } from "./sample.ts";
import type { Setting } from "./settings.ts";
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

/** The summary as a Markdown table, one line a setting; columns that no setting has are left out. */
export function summaryTable(rows: readonly SummaryRow[], samples: readonly Sample[]): string {
  const settings = new Map(rows.map((row) => [settingKey(row), row as Setting]));
  const find = (key: string, family: string, metric: string) =>
    rows.find((row) => settingKey(row) === key && row.family === family && row.metric === metric);
  const asked = (column: { family: string; metric: string }) =>
    rows.some((row) => row.family === column.family && row.metric === column.metric);
  const columns = COLUMNS.filter(asked);
  const retentions = RETENTIONS.filter((one) =>
    rows.some((row) => row.family === one.family && row.retention !== null),
  );
  const lines = [...settings].map(([key, { method, variant, average, positions }]) => {
    const tokens = samples.filter((sample) => settingKey(sample) === key).map(({ visualTokens }) => visualTokens);
    const mean = tokens.reduce((sum, count) => sum + count, 0) / tokens.length;
    return [
      variant ? `${method} (${variant})` : method,
      average ?? "all",
      mean.toFixed(1),
      positions,
      ...columns.map((column) => figure(find(key, column.family, column.metric), column.interval)),
      ...retentions.map(({ family, metric }) => percent(find(key, family, metric)?.retention)),
    ];
  });
  const headings = ["method", "average", "tokens a layer", "positions"];
  return table([...headings, ...[...columns, ...retentions].map(({ heading }) => heading)], lines);
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
