/**
 * Parsers under attack, see docs/fuzzing.md:
 *
 *     npm run fuzz -- --minutes 5                 new cases for every parser
 *     npm run fuzz -- --seed 7 pickles            the same cases again, for those whose names hold "pickles"
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { fuzz, inScratch } from "../test/fuzz/run.ts";
import type { Target } from "../test/fuzz/target.ts";
import { TARGETS } from "../test/fuzz/targets.ts";

const OUT = join("out", "fuzz");
/** A round of a target has the same cases whatever is asked for besides, so that its seed repeats it. */
const ROUND = 2;

function positive(text: string): number {
  if (!(Number(text) > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return Number(text);
}

function integer(text: string): number {
  if (!Number.isInteger(Number(text))) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** @returns whether a parser was wrong */
async function round(target: Target, seed: number, count: (cases: number) => void): Promise<boolean> {
  const { tried, failure } = await inScratch((folder) => fuzz(target, { seed, cases: ROUND * target.cases, folder }));
  count(tried);
  if (!failure) return false;
  const path = join(OUT, `${target.name}-${seed}.bin`);
  mkdirSync(OUT, { recursive: true });
  writeFileSync(path, failure.bytes);
  console.log(`\n${target.name}: ${failure.problem}\nThe smallest input is ${path}. Again:`);
  console.log(`    npm run fuzz -- --seed ${seed} ${target.name}\n`);
  return true;
}

async function run(parts: readonly string[], { minutes, seed }: { minutes: number; seed: number }): Promise<void> {
  const chosen = TARGETS.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
  if (chosen.length === 0) {
    console.error(`No target is called so. There are: ${TARGETS.map(({ name }) => name).join(", ")}.`);
    process.exitCode = 2;
    return;
  }
  console.log(`seed ${seed}`);
  const done = new Map(chosen.map((target) => [target, { cases: 0, seconds: 0, wrong: false }]));
  const end = performance.now() + 60_000 * minutes;
  // Each target has its turn in the first round, however short the time.
  for (let turn = 0; turn === 0 || performance.now() < end; turn++) {
    for (const [target, state] of done) {
      if (state.wrong || (turn > 0 && performance.now() >= end)) continue;
      const started = performance.now();
      state.wrong = await round(target, seed + turn, (cases) => {
        state.cases += cases;
      });
      state.seconds += (performance.now() - started) / 1000;
    }
    if ([...done.values()].every(({ wrong }) => wrong)) break;
  }
  for (const [{ name }, { cases, seconds, wrong }] of done)
    console.log(`${name.padEnd(18)}${cases} cases, ${Math.round(cases / seconds)}/s${wrong ? ", WRONG" : ""}`);
  if ([...done.values()].some(({ wrong }) => wrong)) process.exitCode = 1;
}

await new Command("fuzz")
  .description("Tries the parsers on files whose values are known, and on damaged ones.")
  .argument("[names...]", "parts of the names of targets; all unless given")
  .option("--minutes <number>", "how long", positive, 1)
  .option("--seed <integer>", "seed of the cases; a new one each time unless given", integer, Date.now() % 2 ** 31)
  .action(run)
  .parseAsync();
