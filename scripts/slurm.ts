/**
 * A Slurm of this machine alone, and the proof that docs/cluster/slurm-array.sbatch works on it.
 *
 *     npm run slurm -- prove [--backend NAME]    one process, and arrays whose node is killed, give the same
 *     npm run slurm -- start                     starts a controller and two nodes, to try things by hand
 *     npm run slurm -- stop
 *
 * Needs root, and on Debian: apt-get install slurm-wlm munge
 */
import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { NuwaError } from "../src/core/errors.ts";
import { confOf } from "./slurm/configuration.ts";
import { startSlurm, stopSlurm } from "./slurm/one-machine.ts";
import { prove } from "./slurm/prove.ts";

const say = (line: string) => console.log(line);
const begun = performance.now();
const timed = (line: string) => say(`${((performance.now() - begun) / 1000).toFixed(0).padStart(4)} s  ${line}`);

const program = new Command("npm run slurm --").description("a Slurm of two nodes on this machine");
addCommand("prove", "run the example array, kill a node in the middle, compare with one process")
  .addOption(new Option("--backend <name>", "of all processes").choices(["wasm", "tensorflow"]).default("wasm"))
  .action(({ out, backend }: { out: string; backend: string }) => prove(resolve(out), backend, timed));
addCommand("start", "start a controller and two nodes").action(async ({ out }: { out: string }) => {
  const folder = clusterIn(out);
  await startSlurm(folder);
  say(`started. In each shell: export SLURM_CONF=${confOf(folder)}`);
});
addCommand("stop", "stop what start has started").action(({ out }: { out: string }) => stopSlurm(clusterIn(out)));

function addCommand(name: string, description: string): Command {
  return program.command(name).description(description).option("--out <folder>", "all files go there", "out/slurm");
}

const clusterIn = (out: string) => join(resolve(out), "slurm");

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`slurm: ${error.message}`);
  process.exitCode = error.exitCode;
}
