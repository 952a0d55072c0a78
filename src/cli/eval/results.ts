import { join } from "node:path";
import { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { checkSchema } from "../../core/schema.ts";
import { openJournal } from "../../eval/run/journal.ts";
import type { Merged } from "../../eval/run/merge.ts";
import { type Sample, settingKey } from "../../eval/run/sample.ts";
import { type Choices, type Setting, settingsOf } from "../../eval/run/settings.ts";
import { summarise } from "../../eval/score/summary.ts";
import { summaryTable } from "../../eval/score/summary-table.ts";
import { writeAtomically } from "../../io/files.ts";
import { renderPng } from "../../view/picture.ts";
import { scoresSvg } from "../../view/score-plot.ts";
import { catalogueOf } from "./methods.ts";

/** Writes the summary of an evaluation beside its journal, as JSON, Markdown and plots, and prints the table. */
export async function writeResults(
  out: string,
  samples: readonly Sample[],
  settings: readonly Setting[],
  seed: number,
): Promise<void> {
  const rows = summarise(samples, settings, seed);
  const table = summaryTable(rows, samples);
  const svg = scoresSvg(rows, samples);
  writeAtomically(join(out, "summary.json"), `${JSON.stringify(rows, null, 2)}\n`);
  writeAtomically(join(out, "summary.md"), table);
  writeAtomically(join(out, "scores.svg"), svg);
  writeAtomically(join(out, "scores.png"), await renderPng(svg));
  const names = ["samples.jsonl", "summary.json", "summary.md", "scores.svg", "scores.png"];
  process.stdout.write(`${table}wrote ${names.map((name) => join(out, name)).join(", ")}\n`);
}

/** The options of an evaluation that its summary needs. */
const choicesSchema = z.looseObject({
  methods: z.array(z.string()),
  variants: z.array(z.string()),
  averages: z.array(z.string()),
  positions: z.array(z.string()),
  seed: z.number().int(),
});

/**
 * Writes a merged evaluation, as if it had been run in one piece.
 *
 * @throws UsageError when the folder holds another evaluation
 * @throws NuwaError when the answers are not of the settings that the options name
 */
export async function writeMerged(out: string, { options, samples }: Merged): Promise<void> {
  const { seed, ...choices } = checkSchema("options.json of the shards", options, choicesSchema);
  const settings = settingsOf(choices as unknown as Choices, await catalogueOf(choices.methods));
  requireAnswered(settings, samples);
  openJournal(out, options);
  writeAtomically(join(out, "samples.jsonl"), samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
  await writeResults(out, samples, settings, seed);
}

function requireAnswered(settings: readonly Setting[], samples: readonly Sample[]): void {
  const [asked, answered] = [settings, samples].map((all) => new Set(all.map(settingKey)));
  const odd = [...asked, ...answered].find((key) => !asked.has(key) || !answered.has(key));
  if (odd !== undefined)
    throw new NuwaError(
      `options.json of the shards: the setting ${odd} is ` +
        (asked.has(odd) ? "named there, but was not answered" : "not named there, but was answered") +
        ". The folders are damaged; evaluate again, in others.",
    );
}
