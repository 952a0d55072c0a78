/**
 * Measures every table of docs/results.md on the models in weights/ and writes them there. Answers are written to
 * OUT; run again to go on after an interruption.
 *
 * usage: npm run tables [-- --limit SCENES --seed SEED --backend NAME --out FOLDER]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { BACKEND_NAMES, useBackend } from "../src/backend/select.ts";
import { SHIPPED_MODEL } from "../src/cli/about.ts";
import { watchInterruptions } from "../src/cli/interruption.ts";
import { parseCount, parseInteger } from "../src/cli/options.ts";
import { NuwaError } from "../src/core/errors.ts";
import { requireWritableFolder, writeAtomically } from "../src/io/files.ts";
import { whileLocked } from "../src/io/lock.ts";
import { fill } from "./fill.ts";
import { comparisonOf, factsOf, tablesOf } from "./tables/document.ts";
import { measure, spreadsOf } from "./tables/measure-settings.ts";
import { ALL_SETTINGS, SPREAD, UNPLACED } from "./tables/table-settings.ts";

/** The second model, trained without the helper loss that writes coordinates into visual tokens. */
const UNPLACED_MODEL = join(SHIPPED_MODEL, "../no-places");
const DOCUMENT = fileURLToPath(new URL("../docs/results.md", import.meta.url));

interface Options {
  readonly limit: number;
  readonly seed: number;
  readonly backend?: string;
  readonly out: string;
}

async function tables({ limit, seed, backend: wanted, out }: Options): Promise<void> {
  const backend = await useBackend(wanted);
  const interruption = watchInterruptions(() => process.stderr.write("\nstopping after this batch\n"));
  try {
    const choice = { split: "test" as const, limit, seed, backend: backend.name, stopped: interruption.happened };
    const shipped = await measure(SHIPPED_MODEL, ALL_SETTINGS, { ...choice, out });
    const spreads = await spreadsOf(SHIPPED_MODEL, SPREAD, choice);
    const unplaced = await measure(UNPLACED_MODEL, UNPLACED, { ...choice, out: join(out, "no-places") });
    const asked = (task: string) =>
      shipped.samples.filter((sample) => sample.task === task && sample.method === "none").length;
    const facts = factsOf({
      date: new Date().toISOString().slice(0, 10),
      model: shipped.fingerprint,
      backend: backend.name,
      seed,
      scenes: limit,
      questions: asked("shapes-vqa"),
      boxes: asked("shapes-grounding"),
    });
    const parts = { facts, ...tablesOf({ ...shipped, seed }, spreads), ...comparisonOf({ ...unplaced, seed }) };
    writeAtomically(DOCUMENT, fill("docs/results.md", readFileSync(DOCUMENT, "utf8"), parts));
    console.log(`${shipped.samples.length + unplaced.samples.length} answers; docs/results.md is written`);
  } finally {
    interruption.end();
  }
}

const options = new Command("tables")
  .option("--limit <scenes>", "scenes of the test split", parseCount, 40)
  .option("--seed <integer>", "draws scenes and resamples", parseInteger, 44)
  .addOption(new Option("--backend <name>", "tfjs backend").choices([...BACKEND_NAMES]))
  .option("--out <folder>", "answers go there", "out/tables")
  .parse()
  .opts<Options>();
try {
  requireWritableFolder(options.out);
  await whileLocked(options.out, () => tables(options));
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`tables: ${error.message}`);
  process.exitCode = 1;
}
