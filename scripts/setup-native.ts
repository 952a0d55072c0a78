/**
 * Sets up the native backend: `npm run setup:native`. See docs/native.md.
 *
 *     npm run setup:native [-- --libtensorflow published|pypi[:VERSION]|FOLDER] [-- --cuda] [-- --remove]
 */
import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { nvidiaGpus } from "../src/backend/native/gpu.ts";
import { ACTIVE, activeSetup, NATIVE_FOLDER } from "../src/backend/native/locate.ts";
import { nativeReport } from "../src/backend/native/report.ts";
import { tryNative } from "../src/backend/native/trial.ts";
import { NuwaError, UsageError } from "../src/core/errors.ts";
import { activate, build, installedPackage } from "./setup-native/build.ts";
import { findCompiler } from "./setup-native/compile.ts";
import type { Libraries } from "./setup-native/libraries.ts";
import { candidateFolders } from "./setup-native/pip.ts";
import {
  describeSource,
  type Machine,
  planSources,
  type Request,
  type Source,
  whyNoCuda,
} from "./setup-native/plan.ts";
import { folderName, holdsLibtensorflow, librariesFromFolder } from "./setup-native/present.ts";
import { publishedLibraries, publishedName } from "./setup-native/published.ts";
import { librariesFromPypi, pypiName } from "./setup-native/pypi.ts";
import { closeWorkspace, openWorkspace, say, type Workspace } from "./setup-native/workspace.ts";

interface Options extends Request {
  readonly remove?: boolean;
}

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

const program = new Command("npm run setup:native --")
  .description("set up the native backend, tensorflow, for this project")
  .option(
    "--libtensorflow <source>",
    "where the TensorFlow C library comes from: published, pypi, pypi:VERSION or a folder (default: whatever " +
      "works, in this order)",
  )
  .option("--cuda", "only with CUDA 12, from PyPI")
  .option("--remove", "undo the set-up: remove all that it wrote")
  .exitOverride()
  .configureOutput({ outputError: () => undefined });

try {
  program.parse();
  await setUp(program.opts<Options>());
} catch (error) {
  process.exitCode = complain(error);
}

async function setUp(options: Options): Promise<void> {
  const workspace = openWorkspace(NATIVE_FOLDER);
  try {
    if (options.remove) return remove(workspace, options);
    const installed = installedPackage(PROJECT);
    const machine = thisMachine();
    const sources = planSources(options, machine, await foundFolders(workspace, options)).map(fromUsersFolder);
    if (isDone(options.libtensorflow || options.cuda ? sources[0] : undefined, installed)) {
      say("Already set up; nothing to do.");
    } else {
      const obstacle = whyNoCuda(machine);
      if (obstacle && machine.driver) say(`There is a GPU, but it cannot be used: ${obstacle}`);
      else if (obstacle && options.cuda) say(`What is built with CUDA will run on the CPU here: ${obstacle}`);
      await trySources(workspace, installed, sources, machine.driver !== undefined);
    }
  } finally {
    closeWorkspace(workspace);
  }
  for (const line of (await nativeReport()).lines) say(line);
}

/** npm runs this program in the project's folder; a relative path is meant from where the user called npm. */
function fromUsersFolder(source: Source): Source {
  return source.kind === "path" ? { ...source, path: resolve(process.env.INIT_CWD ?? ".", source.path) } : source;
}

function thisMachine(): Machine {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const { platform, arch } = process;
  return { platform, arch, glibc: header.glibcVersionRuntime, driver: nvidiaGpus()[0]?.driver };
}

/** Folders of this machine that hold a libtensorflow; looked for only where the user named no source. */
async function foundFolders(workspace: Workspace, { libtensorflow }: Options): Promise<string[]> {
  return libtensorflow === undefined ? (await candidateFolders(workspace)).filter(holdsLibtensorflow) : [];
}

/**
 * Whether what is set up still works and is what is asked for.
 *
 * @param asked undefined: anything that works will do
 */
function isDone(asked: Source | undefined, installed: string): boolean {
  const setup = activeSetup();
  if (!setup || (asked && setup.libraries !== librariesName(asked, installed))) return false;
  const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  return setup.packageVersion === version && tryNative(setup.packageFolder).answer.loaded;
}

function librariesName(source: Source, installed: string): string {
  if (source.kind === "published") return publishedName(installed);
  return source.kind === "pypi" ? pypiName(source.version, source.cuda) : folderName(source.path);
}

async function trySources(
  workspace: Workspace,
  installed: string,
  sources: readonly Source[],
  hasGpu: boolean,
): Promise<void> {
  for (const [index, source] of sources.entries()) {
    say(`Trying ${describeSource(source)}`);
    try {
      const libraries = await fetchLibraries(workspace, installed, source);
      const built = await build(workspace, installed, libraries);
      const usesGpu = built.trial.answer.loaded && built.trial.answer.usesGpu;
      if (source.kind === "published" && index < sources.length - 1 && hasGpu && !usesGpu)
        throw new NuwaError("it leaves the GPU of this machine unused");
      return activate(workspace, built, libraries);
    } catch (error) {
      if (!(error instanceof NuwaError) || index === sources.length - 1) throw error;
      say(`  Not this one: ${error.message}`);
    }
  }
}

async function fetchLibraries(workspace: Workspace, installed: string, source: Source): Promise<Libraries> {
  if (source.kind === "published") return publishedLibraries(workspace, installed);
  await findCompiler(workspace); // before anything large is fetched
  if (source.kind === "pypi") return librariesFromPypi(workspace, source.version, source.cuda);
  return librariesFromFolder(workspace, source.path);
}

function remove({ folder }: Workspace, options: Options): void {
  if (options.libtensorflow || options.cuda) throw new UsageError("--remove goes alone.");
  const used = activeSetup()?.source;
  rmSync(join(folder, ACTIVE), { force: true }); // first, so that nothing loads what is half removed
  rmSync(folder, { recursive: true, force: true });
  say(used ? `Removed the native backend (${used}).` : "Nothing was set up.");
}

/** Prints an error as one line and returns the exit code. */
function complain(error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const known =
    error instanceof CommanderError ? new UsageError(error.message.replace(/^error: /, "")) : asKnown(error);
  process.stderr.write(`setup:native: ${known.message.replaceAll("\n", " ")}\n`);
  return known.exitCode;
}

/** What the operating system refuses (a full disk, a folder without rights) is reported in its own words. */
function asKnown(error: unknown): NuwaError {
  if (error instanceof NuwaError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code) return new NuwaError(`${message}. Check the disk and the folder's rights.`);
  throw error;
}
