/**
 * Breaks the code in small ways, one at a time, in a copy of the project, and looks for a test that fails: a law for
 * mistakes in the pruning, any test for others. Only tests that reach the broken file are run, the nearest first, and
 * the first failure ends the search. What is found is kept in out/mutations.json: a run that was stopped goes on
 * where it was, and a mutation is tried again only when its file or the test that caught it has changed. It writes
 * what it found into the tables of docs/invariants.md, and ends with 1 when a mutation survives.
 *
 *     npm run test:mutations [-- PART …] [--list] [--jobs 1]
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { format, resolveConfig } from "prettier";
import { writeAtomically } from "../src/io/files.ts";
import { fill } from "./fill.ts";
import { AREAS, type Area } from "./mutations/list.ts";
import { type Caught, Memory } from "./mutations/memory.ts";
import type { Mutation } from "./mutations/mutation.ts";
import { reachOf } from "./mutations/reach.ts";
import { partsOf } from "./mutations/table.ts";
import { tryMutation, type Verdict } from "./mutations/trial.ts";
import { Copy } from "./mutations/workshop.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const DOCUMENT = join(PROJECT, "docs/invariants.md");
const memory = new Memory(join(PROJECT, "out/mutations.json"), PROJECT);

interface Task {
  readonly area: Area;
  readonly mutation: Mutation;
}

const all: readonly Task[] = AREAS.flatMap((area) => area.mutations.map((mutation) => ({ area, mutation })));

function chosenBy(parts: readonly string[]): Task[] {
  const fits = ({ area, mutation: { what, file } }: Task) =>
    parts.length === 0 || parts.some((part) => part === area.name || what.includes(part) || file.includes(part));
  return all.filter(fits);
}

function describe(caught: Caught): string {
  return `${caught.test}: ${caught.title}`;
}

function list(tasks: readonly Task[]): void {
  for (const { mutation } of tasks) {
    const caught = memory.caughtBy(mutation);
    console.log(`${mutation.what}  (src/${mutation.file})\n    ${caught ? describe(caught) : "to be tried"}`);
  }
}

/** Tries all tasks, some at a time, each in a copy of its own. @returns what survived */
async function tryAll(tasks: readonly Task[], jobs: number): Promise<Task[]> {
  const reach = await reachOf(PROJECT);
  const copies: Copy[] = [];
  const removeAll = () => {
    for (const copy of copies) copy.remove();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      removeAll();
      process.exit(1);
    });
  const waiting = [...tasks];
  const survivors: Task[] = [];
  let done = 0;
  const work = async (copy: Copy): Promise<void> => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const started = performance.now();
      const verdict: Verdict = await tryMutation(copy, task.mutation, task.area, { project: PROJECT, reach, memory });
      const seconds = Math.round((performance.now() - started) / 1000);
      const found = "caught" in verdict ? describe(verdict.caught) : `SURVIVED ${verdict.survived}`;
      console.log(`${++done}/${tasks.length}  ${task.mutation.what}  (${seconds} s)\n    ${found}`);
      if (!("caught" in verdict)) survivors.push(task);
    }
  };
  try {
    for (let i = 0; i < Math.min(jobs, tasks.length); i++) copies.push(new Copy(PROJECT));
    await Promise.all(copies.map(work));
  } finally {
    removeAll();
  }
  return survivors;
}

async function writeTables(): Promise<void> {
  const document = readFileSync(DOCUMENT, "utf8");
  const filled = fill("docs/invariants.md", document, partsOf(document, memory));
  writeAtomically(DOCUMENT, await format(filled, { ...(await resolveConfig(DOCUMENT)), parser: "markdown" }));
}

async function run(parts: readonly string[], options: { list?: boolean; jobs: number }): Promise<void> {
  const tasks = chosenBy(parts);
  if (tasks.length === 0)
    throw new Error(`no mutation has ${parts.join(" or ")} as its area or in its description or path.`);
  if (options.list) return list(tasks);
  const open = tasks.filter(({ mutation }) => !memory.caughtBy(mutation));
  if (open.length < tasks.length) console.log(`${tasks.length - open.length} are known to be caught`);
  const survivors = open.length > 0 ? await tryAll(open, options.jobs) : [];
  console.log(`${tasks.length - survivors.length} of ${tasks.length} mutations caught`);
  for (const { mutation } of survivors) console.log(`survived: ${mutation.what}  (src/${mutation.file})`);
  if (survivors.length > 0) process.exitCode = 1;
  await writeTables();
}

function jobsIn(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

await new Command("mutations")
  .description("breaks the code in small ways and looks for a test that fails")
  .argument("[part...]", "an area, or part of the description or the path of a mutation; all unless given")
  .option("--list", "say what would be tried, and what is known, and try nothing")
  .option("--jobs <n>", "how many are tried at a time", jobsIn, Math.min(4, availableParallelism()))
  .action(run)
  .parseAsync();
