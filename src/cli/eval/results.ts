import { join } from "node:path";
import { openJournal } from "../../eval/run/journal.ts";
import type { Merged } from "../../eval/run/merge.ts";
import type { Sample } from "../../eval/run/sample.ts";
import type { Setting } from "../../eval/run/settings.ts";
import { summarise } from "../../eval/score/summary.ts";
import { summaryTable } from "../../eval/score/summary-table.ts";
import { writeAtomically } from "../../io/files.ts";
import { renderPng } from "../../view/drawing/png.ts";

/** Writes the summary of an evaluation beside its journal, as JSON, Markdown and plots, and prints the table. */
export async function writeResults(
  out: string,
  samples: readonly Sample[],
  settings: readonly Setting[],
  seed: number,
): Promise<void> {
  const rows = summarise(samples, settings, seed);
  const table = summaryTable(rows, samples);
  // The library that draws takes a second to load, which workers and shards need not wait for.
  const { scoresSvg } = await import("../../view/score-plot.ts");
  const svg = scoresSvg(rows, samples);
  writeAtomically(join(out, "summary.json"), `${JSON.stringify(rows, null, 2)}\n`);
  writeAtomically(join(out, "summary.md"), table);
  writeAtomically(join(out, "scores.svg"), svg);
  writeAtomically(join(out, "scores.png"), await renderPng(svg));
  const names = ["samples.jsonl", "summary.json", "summary.md", "scores.svg", "scores.png"];
  process.stdout.write(`${table}wrote ${names.map((name) => join(out, name)).join(", ")}\n`);
}

/**
 * Writes a merged evaluation, as if it had been run in one piece.
 *
 * @throws UsageError when the folder holds another evaluation
 */
export async function writeMerged(out: string, { options, settings, seed, samples }: Merged): Promise<void> {
  openJournal(out, options);
  writeAtomically(join(out, "samples.jsonl"), samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
  await writeResults(out, samples, settings, seed);
}
