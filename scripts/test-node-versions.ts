/**
 * Shows that the native backend works under every Node that this project supports: runs its smoke test
 * and `nuwa forward` on a test checkpoint under each, with the Node binaries that npm packages ship.
 *
 *     npm run test:nodes [-- --tests [NAMES...]]
 *
 * With `--tests` it also runs the tests under each, all of `npm test` or those whose file names hold one of the names.
 * Needs the native backend to be set up (npm run setup:native). Prints one line a version.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { activeSetup, NATIVE_FOLDER } from "../src/backend/native/locate.ts";
import { tryNative } from "../src/backend/native/trial.ts";
import { NuwaError } from "../src/core/errors.ts";
import { openSafetensors, readTensor } from "../src/io/safetensors.ts";
import { closeWorkspace, openWorkspace, runCommand, say, type Workspace } from "./setup-native/workspace.ts";

/** The last release of each line at the time of writing. */
const VERSIONS = ["20.20.2", "22.23.3", "24.21.0"];

/** Largest difference allowed between logits under different Nodes; they run the same library on the same numbers. */
const TOLERANCE = 1e-6;

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const FIXTURE = join(PROJECT, "test/fixtures/square");

/** Fetches a Node binary, once, into the project's own folder. */
async function fetchNode(workspace: Workspace, version: string): Promise<string> {
  const folder = join(workspace.folder, "nodes", version);
  const name = `node-linux-${process.arch}`;
  const binary = join(folder, "node_modules", name, "bin/node");
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}\n"); // else npm would look for a project further up
  const args = ["install", "--prefix", folder, "--no-save", "--ignore-scripts", `${name}@${version}`];
  const { exitCode, stderr } = await runCommand(workspace, "npm", args);
  if (exitCode === 0 && existsSync(binary)) return binary;
  throw new NuwaError(
    `npm cannot fetch ${name}@${version} (${stderr.trim().split("\n").at(-1)}). Check npm's network.`,
  );
}

/** Runs `nuwa forward` under a Node and returns the logits of the last position. */
function forwardLogits(node: string, dump: string): Float32Array {
  const inputs = join(FIXTURE, "expected.safetensors");
  const args = ["forward", "--model", FIXTURE, "--inputs", inputs, "--dump", dump, "--method", "nuwa"];
  const { status, stderr } = spawnSync(node, ["bin/nuwa.js", ...args, "--backend", "tensorflow"], {
    cwd: PROJECT,
    encoding: "utf8",
  });
  if (status !== 0) {
    const said = stderr.split("\n").find((line) => /^nuwa:|Error/.test(line)) ?? "";
    throw new NuwaError(`nuwa forward ended with ${status}: ${said}`);
  }
  return readTensor(openSafetensors(dump), "logits_last").values as Float32Array;
}

/** What a Node showed: a line about it, and logits to be compared with those of the others. */
interface Checked {
  readonly node: string;
  readonly line: string;
  readonly logits: Float32Array;
}

async function check(workspace: Workspace, version: string): Promise<Checked> {
  const node = await fetchNode(workspace, version);
  const { answer } = tryNative(undefined, node);
  if (!answer.loaded) throw new NuwaError(answer.reason);
  const logits = forwardLogits(node, join(workspace.temporary, `${version}.safetensors`));
  return {
    node,
    line: `TensorFlow ${answer.libraryVersion} on ${answer.device}, nuwa forward: ${logits.length} logits`,
    logits,
  };
}

/** Runs the project's tests under a Node; what they print goes to the terminal. */
function runTests(node: string, names: readonly string[]): void {
  const vitest = join(PROJECT, "node_modules/vitest/vitest.mjs");
  const { status } = spawnSync(node, [vitest, "run", ...names], { cwd: PROJECT, stdio: "inherit" });
  if (status !== 0) throw new NuwaError("its tests fail; see above");
}

const { tests } = new Command("test-node-versions")
  .option("--tests [names...]", "run the tests under each Node too: all, or those whose file names hold a name")
  .parse()
  .opts<{ tests?: true | string[] }>();
const workspace = openWorkspace(NATIVE_FOLDER);
try {
  if (!activeSetup()) throw new NuwaError("the native backend is not set up. Run: npm run setup:native");
  let first: Float32Array | undefined;
  for (const version of VERSIONS) {
    try {
      const { node, line, logits } = await check(workspace, version);
      first ??= logits;
      const difference = Math.max(...logits.map((value, i) => Math.abs(value - (first as Float32Array)[i])));
      if (!(difference <= TOLERANCE))
        throw new NuwaError(`its logits differ by ${difference} from those of ${VERSIONS[0]}`);
      if (tests) runTests(node, tests === true ? [] : tests);
      say(`Node ${version}: works. ${line}${tests ? ", its tests pass" : ""}`);
    } catch (error) {
      if (!(error instanceof NuwaError)) throw error;
      say(`Node ${version}: FAILS: ${error.message}`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  process.stderr.write(`test:nodes: ${error.message}\n`);
  process.exitCode = error.exitCode;
} finally {
  closeWorkspace(workspace);
}
