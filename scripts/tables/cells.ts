import { type Sample, settingKey } from "../../src/eval/run/sample.ts";
import type { Setting } from "../../src/eval/run/settings.ts";
import type { SummaryRow } from "../../src/eval/score/summary.ts";

/** The figures of an evaluation. */
export interface Figures {
  readonly rows: readonly SummaryRow[];
  readonly samples: readonly Sample[];
  /** Of the intervals. */
  readonly seed: number;
}

/** @throws Error when the setting was not run */
function find({ rows }: Figures, setting: Setting, family: string, metric: string): SummaryRow {
  const key = settingKey(setting);
  const row = rows.find((one) => settingKey(one) === key && one.family === family && one.metric === metric);
  if (!row) throw new Error(`no ${metric} of ${family} for ${key}`);
  return row;
}

/** A score, with its interval where that is shown. */
export function score(figures: Figures, setting: Setting, family: string, metric: string, interval = false): string {
  const { score: value, low, high } = find(figures, setting, family, metric);
  return `${value.toFixed(3)}${interval ? ` (${low.toFixed(3)}–${high.toFixed(3)})` : ""}`;
}

/** What is left of the unpruned score, %. */
export function kept(figures: Figures, setting: Setting, family: string, metric: string): string {
  const { retention } = find(figures, setting, family, metric);
  return retention === null ? "–" : `${(100 * retention).toFixed(1)} %`;
}

/** A figure of the paper, %. */
export function printed(percent: number | undefined, digits = 1): string {
  return percent === undefined ? "–" : `${percent.toFixed(digits)} %`;
}

/** Visual tokens that really entered a layer or left it, on average: some methods cannot reach what was asked for. */
export function tokens({ samples }: Figures, setting: Setting, which: "tokensEntering" | "tokensLeaving"): string {
  const own = samples.filter((sample) => settingKey(sample) === settingKey(setting));
  return (own.reduce((sum, sample) => sum + sample[which], 0) / own.length).toFixed(1);
}

/** A Markdown table. */
export function table(headings: readonly string[], lines: readonly (readonly string[])[]): string {
  return [headings, headings.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** With its sign, +0.012. */
export function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}

/** The name of a row. */
export function label({ method, variant }: Setting): string {
  return variant ? `${method} (${variant})` : method;
}
