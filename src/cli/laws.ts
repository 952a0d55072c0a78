import type { Command } from "commander";
import { useBackend } from "../backend/select.ts";
import { NuwaError, UsageError } from "../core/errors.ts";
import { definitionNamed } from "../io/method-file.ts";
import { DEFAULT_RUNS, DEFAULT_SEED, lawsFor, report } from "../laws/judge.ts";
import { parseCount, parseInteger, requireText } from "./options.ts";

interface LawsOptions {
  readonly method: string;
  readonly law?: string;
  readonly seed: number;
  readonly runs: number;
  readonly path?: string;
}

/** `nuwa laws`: which laws a method keeps, and the smallest case for each that it breaks. */
export function addLaws(program: Command): void {
  program
    .command("laws")
    .description("try the laws of docs/invariants.md on a method; the exit code is 1 when one is broken")
    .requiredOption("--method <name or file>", "a method by name, or the file of one of your own")
    .option("--law <sentence>", "only this law")
    .option("--seed <integer>", "seed of the cases", parseInteger, DEFAULT_SEED)
    .option("--runs <n>", "cases of each law", parseCount, DEFAULT_RUNS)
    .option("--path <path>", "with --law and --seed: only the case that a broken law printed")
    .action(laws);
}

async function laws({ method, ...options }: LawsOptions): Promise<void> {
  if (options.path !== undefined && options.law === undefined)
    throw new UsageError("--path replays one case of one law. Add --law and --seed as they were printed.");
  if (options.path !== undefined && !/^\d+(:\d+)*$/.test(options.path))
    throw new UsageError(`--path "${options.path}" is not numbers with colons between. Give it as it was printed.`);
  const which = requireText("--method", method);
  const definition = await definitionNamed(which);
  const chosen = lawsFor(definition, options);
  // The backend on which the numbers of docs/invariants.md were found, and which every machine has.
  await useBackend("wasm");
  let broken = 0;
  for (const law of chosen) {
    const verdict = law.judge();
    process.stdout.write(`${verdict.status.padEnd(15)} ${verdict.sentence}\n`);
    if (!verdict.broken) continue;
    broken++;
    const { seed, path } = verdict.broken.replay;
    const asked = `--method ${quoted(which)} --law ${quoted(verdict.sentence)}`;
    const command = `npx --no-install nuwa laws ${asked} --seed ${seed} --path ${path}`;
    process.stdout.write(`\n${report(verdict)}\n\nReplay exactly this case:\n\n  ${command}\n\n`);
  }
  if (broken > 0)
    throw new NuwaError(`${which}: ${broken} of ${chosen.length} laws broken. The cases are shown above.`);
}

/** An argument as a shell takes it. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
