import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { BACKEND_NAMES, useBackend } from "../../src/backend/select.ts";
import { SHIPPED_MODEL } from "../../src/cli/about.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { writeAtomically } from "../../src/io/files.ts";
import { loadModel } from "../../src/io/load.ts";
import { requireLlava } from "../../src/model/llava/llava.ts";
import { compareWithWasm } from "./against-wasm.ts";
import { type Comparison, compareWithReference } from "./parity.ts";

/**
 * Holds a backend against what PyTorch computed for the small checkpoints in test/fixtures (forward
 * pass, both prunings, generation, gradients), and against wasm on the checkpoint that comes with the
 * project, which has the real number of tokens. Ends with exit code 1 when a value is too far off.
 */
const FIXTURES = ["square", "wide"];

const { backend, json } = new Command("check")
  .description("Compares a backend with the reference outputs of PyTorch, and with wasm on a larger model.")
  .addOption(new Option("--backend <name>", "backend to check").choices([...BACKEND_NAMES]).default("webgpu"))
  .option("--json <file>", "write the values to a file too")
  .parse()
  .opts<{ backend: string; json?: string }>();

try {
  const { name, reason } = await useBackend(backend);
  console.log(`${name}: ${reason}`);
  const tables: Record<string, Comparison[]> = {};
  let wrong = 0;
  for (const fixture of FIXTURES) {
    const folder = fileURLToPath(new URL(`../../test/fixtures/${fixture}`, import.meta.url));
    const title = `${fixture}, against PyTorch`;
    tables[title] = [];
    wrong += await show(title, compareWithReference(folder), tables[title]);
  }
  if (name !== "wasm") {
    const title = "the shipped checkpoint, against wasm";
    tables[title] = [];
    wrong += await show(
      title,
      compareWithWasm(name, () => requireLlava(loadModel(SHIPPED_MODEL))),
      tables[title],
    );
  }
  if (json) writeAtomically(json, `${JSON.stringify(tables, null, 2)}\n`);
  if (wrong) throw new NuwaError(`${wrong} values of ${name} are too far off.`);
  console.log(`\neverything agrees on ${name}`);
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`check: ${error.message}`);
  process.exitCode = error.exitCode;
}

/** Prints a table as it comes, and keeps it. Returns how many values are too far off. */
async function show(title: string, comparisons: AsyncIterable<Comparison>, table: Comparison[]): Promise<number> {
  let wrong = 0;
  console.log(`\n${title.padEnd(88)} error allowed`);
  for await (const comparison of comparisons) {
    table.push(comparison);
    const { what, error, allowed } = comparison;
    const right = error <= allowed;
    if (!right) wrong++;
    console.log(`${right ? "ok   " : "WRONG"} ${what.padEnd(78)} ${error.toExponential(1).padStart(9)} ${allowed}`);
  }
  return wrong;
}
