import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { BACKEND_NAMES, useBackend } from "../../src/backend/select.ts";
import { NuwaError } from "../../src/errors.ts";
import { compareWithReference } from "./parity.ts";

/**
 * Holds a backend against what PyTorch computed for the small checkpoints in test/fixtures: forward
 * pass, both prunings, generation, gradients. Ends with exit code 1 when a value is too far off.
 */
const FIXTURES = ["square", "wide"];

const { backend } = new Command("check")
  .description("Compares a backend with the reference outputs of PyTorch: forward, pruning, generation, gradients.")
  .addOption(new Option("--backend <name>", "backend to check").choices([...BACKEND_NAMES]).default("webgpu"))
  .parse()
  .opts<{ backend: string }>();

try {
  const { name, reason } = await useBackend(backend);
  console.log(`${name}: ${reason}`);
  let wrong = 0;
  for (const fixture of FIXTURES) {
    console.log(`\n${fixture.padEnd(72)} error   allowed`);
    const folder = fileURLToPath(new URL(`../../test/fixtures/${fixture}`, import.meta.url));
    for await (const { what, error, allowed } of compareWithReference(folder)) {
      const right = error <= allowed;
      if (!right) wrong++;
      console.log(
        `${right ? "ok   " : "WRONG"} ${what.padEnd(62)} ${error.toExponential(1).padStart(9)} ${allowed.toExponential(0).padStart(7)}`,
      );
    }
  }
  if (wrong) throw new NuwaError(`${wrong} values of ${name} are not PyTorch's.`);
  console.log(`\neverything agrees on ${name}`);
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`check: ${error.message}`);
  process.exitCode = error.exitCode;
}
