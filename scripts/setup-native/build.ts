import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, join, relative } from "node:path";
import {
  ACTIVE,
  activeSetup,
  NATIVE_PACKAGE,
  type NativeSetup,
  packageFolderIn,
} from "../../src/backend/native/locate.ts";
import { type TrialResult, tryNative } from "../../src/backend/native/trial.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { compileBinding } from "./compile.ts";
import { type Libraries, librariesFolder } from "./libraries.ts";
import { requireNewEnough } from "./plan.ts";
import { say, type Workspace } from "./workspace.ts";

/** A build that passed its test. */
export interface Build {
  readonly folder: string;
  readonly trial: TrialResult;
}

/** The package as npm installed it. @throws NuwaError where it is not installed */
export function installedPackage(project: string): string {
  const folder = join(project, "node_modules", NATIVE_PACKAGE);
  try {
    createRequire(join(folder, "package.json")).resolve("@mapbox/node-pre-gyp");
    if (existsSync(join(folder, "binding/tfjs_binding.cc"))) return folder;
  } catch {
    // it, or what it needs, is not installed: as below
  }
  throw new NuwaError(`${NATIVE_PACKAGE} is not in node_modules. Run: npm ci --include=optional`);
}

/**
 * Makes a copy of the package with a binding for these libraries, and tests it in a process of its own.
 *
 * @throws NuwaError when it cannot be compiled, does not load, or computes wrong numbers
 */
export async function build(workspace: Workspace, installed: string, libraries: Libraries): Promise<Build> {
  const folder = join(workspace.folder, "builds", `${libraries.name}-${Date.now().toString(36)}`);
  try {
    await putTogether(workspace, installed, libraries, packageFolderIn(folder));
    say("Testing it");
    const trial = tryNative(packageFolderIn(folder));
    if (!trial.answer.loaded) {
      throw new NuwaError(
        `${libraries.source}: ${trial.answer.reason}. If its files are damaged, this fetches them anew: npm run ` +
          "setup:native -- --remove, then set up again.",
      );
    }
    requireNewEnough(libraries.source, trial.answer.libraryVersion);
    return { folder, trial };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Copies the package and gives it a binding: the published one where it came with the libraries, else one compiled
 * here.
 */
async function putTogether(
  workspace: Workspace,
  installed: string,
  libraries: Libraries,
  packageFolder: string,
): Promise<void> {
  mkdirSync(packageFolder, { recursive: true });
  const binaries = new Set(["lib", "deps", "build"].map((name) => join(installed, name)));
  cpSync(installed, packageFolder, { recursive: true, filter: (path) => !binaries.has(path) });
  const prebuilt = join(libraries.folder, "prebuilt");
  if (!existsSync(prebuilt)) return compileBinding(workspace, packageFolder, libraries);
  cpSync(prebuilt, join(packageFolder, "lib"), { recursive: true });
  // The published binding looks for its library in deps/lib.
  const deps = join(packageFolder, "deps");
  mkdirSync(deps);
  symlinkSync(relative(deps, join(libraries.folder, "tensorflow")), join(deps, "lib"));
}

/** Switches a tested build on, in one step, and removes the ones before it. */
export function activate(workspace: Workspace, built: Build, libraries: Libraries): void {
  const { version } = JSON.parse(readFileSync(join(packageFolderIn(built.folder), "package.json"), "utf8"));
  const { name, source, cuda } = libraries;
  const setup: NativeSetup = { packageVersion: version, libraries: name, source, cuda };
  writeFileSync(join(built.folder, "setup.json"), `${JSON.stringify(setup, null, 2)}\n`);
  const link = join(workspace.folder, ACTIVE);
  rmSync(`${link}.part`, { force: true });
  symlinkSync(relative(workspace.folder, built.folder), `${link}.part`);
  renameSync(`${link}.part`, link);
  removeUnused(workspace);
}

/** Removes builds and libraries that are not in use: earlier ones, and what a set-up that was broken off left. */
function removeUnused(workspace: Workspace): void {
  const setup = activeSetup(workspace.folder);
  const builds = join(workspace.folder, "builds");
  const used = setup && basename(realpathSync(join(workspace.folder, ACTIVE)));
  for (const name of list(builds)) if (name !== used) rmSync(join(builds, name), { recursive: true });
  const libraries = librariesFolder(workspace);
  for (const name of list(libraries)) if (name !== setup?.libraries) rmSync(join(libraries, name), { recursive: true });
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
