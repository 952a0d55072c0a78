/**
 * The property suite, beyond `npm test`:
 *
 *     npm run test:deep [-- --seed 7]             many times as many cases, and how many passed
 *     npm run test:replay -- --seed 7 --path 3:0 --law "…" test/properties/selection.test.ts
 *
 * A broken law prints the second command, ready to paste.
 */
import { Command } from "commander";
import { startVitest, type TestModule, type Vitest } from "vitest/node";
import { DEEP_FACTOR, VARIABLES } from "../test/properties/settings.ts";
import { EVERY_RUN } from "../vitest.config.ts";

const FOLDER = "test/properties/";

/** Runs laws in this process's vitest; their own processes inherit the variables. */
async function runLaws(variables: Readonly<Record<string, string | undefined>>, options: object): Promise<Vitest> {
  for (const [name, value] of Object.entries(variables)) if (value !== undefined) process.env[name] = value;
  const vitest = await startVitest("test", [], { ...EVERY_RUN, config: false, watch: false, ...options });
  await vitest.close();
  return vitest;
}

/** Number of laws and of the cases for which they held, by what each law noted when it passed. */
function countOf(module: TestModule): { laws: number; cases: number } {
  const counts = [...module.children.allTests("passed")].flatMap((test) => test.meta().cases ?? []);
  return { laws: counts.length, cases: counts.reduce((a, b) => a + b, 0) };
}

async function deep({ seed }: { seed: string }): Promise<void> {
  const started = performance.now();
  const vitest = await runLaws(
    { [VARIABLES.factor]: String(DEEP_FACTOR), [VARIABLES.seed]: seed },
    { include: [`${FOLDER}**/*.test.ts`] },
  );
  let [laws, cases] = [0, 0];
  for (const module of vitest.state.getTestModules()) {
    const count = countOf(module);
    if (count.laws > 0) console.log(`${module.relativeModuleId}: ${count.laws} laws held for ${count.cases} cases`);
    laws += count.laws;
    cases += count.cases;
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`In all ${laws} laws held for ${cases} cases, seed ${seed}, ${seconds} s.`);
}

async function replay(file: string, { seed, path, law }: { seed: string; path?: string; law: string }): Promise<void> {
  const name = `^${law.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`;
  const vitest = await runLaws(
    { [VARIABLES.seed]: seed, [VARIABLES.path]: path },
    { include: [file], testNamePattern: name },
  );
  const ran = vitest.state.getTestModules().flatMap((module) => [...module.children.allTests()]);
  if (ran.some((test) => test.result().state !== "skipped")) return;
  console.error(`${file} states no law "${law}". Give the sentence as the test prints it.`);
  process.exitCode = 2;
}

const program = new Command("properties").description("Runs the property suite deeply, or one case of it again.");
program
  .command("deep")
  .description(`try ${DEEP_FACTOR} times as many cases as npm test`)
  .option("--seed <integer>", "seed of the cases; a new one each time unless given", String(Date.now() % 2 ** 31))
  .action(deep);
program
  .command("replay")
  .description("try again what a broken law printed")
  .argument("<file>", "test file of the law")
  .requiredOption("--seed <integer>", "seed that the law printed")
  .requiredOption("--law <sentence>", "sentence of the law")
  .option("--path <path>", "path that the law printed; without it, all cases of the seed")
  .action(replay);
await program.parseAsync();
