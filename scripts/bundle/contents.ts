import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { SHIPPED_MODEL, VERSION } from "../../src/cli/about.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { launcher } from "./launcher.ts";
import { addLibraries } from "./libraries.ts";
import { addLicences, addNodeLicence } from "./licences.ts";
import { compilePrograms, describePackage, PROGRAMS, packageOf, SEPARATE_PACKAGES } from "./program.ts";

/** Files that the programs read, at the same place in the bundle's folder `app` as in the project. */
const DATA = ["docs/images/scene.png", "src/backend/webgpu/manifests", "test/fixtures/square", "test/fixtures/wide"];

/** The list of what went in. It is there from the beginning, so that only a bundle is ever overwritten. */
export const LIST = "PACKAGES.txt";
export const LIST_TITLE = "What this bundle of Nüwa is made of:\n";

/**
 * Fills a folder with the programs and all they need on another machine of the same platform:
 *
 *     nuwa, check, times   launchers
 *     bin/node             the Node that runs this
 *     app/                 the compiled programs, a checkpoint, fixtures, packages with compiled parts
 *     lib/                 shared libraries for machines that lack them
 *     licences/            of all packages, each in a folder of its own
 *
 * @param project root of the sources
 * @param out the folder; replaced when it is a bundle
 * @param withNode whether Node is copied too
 * @param say gets the names of what goes in
 * @throws NuwaError when `out` holds something else, or something that belongs into the bundle is missing
 */
export async function makeBundle(
  project: string,
  out: string,
  withNode: boolean,
  say: (line: string) => void,
): Promise<void> {
  if (process.platform !== "linux") throw new NuwaError("a bundle can be made only on Linux, where it is to run.");
  clear(out);
  const app = join(out, "app");
  mkdirSync(app, { recursive: true });
  writeFileSync(join(out, LIST), LIST_TITLE);
  const folders = await compilePrograms(project, app);
  copyWasm(project, app);
  for (const name of SEPARATE_PACKAGES) folders.push(...copyPackage(project, app, name));
  const packages = folders.map(describePackage);
  const licences = join(out, "licences");
  addLicences(project, licences, folders);
  for (const place of [...DATA, relative(project, SHIPPED_MODEL)]) copy(join(project, place), join(app, place));
  writeFileSync(join(app, "package.json"), `${JSON.stringify({ name: "nuwa", version: VERSION, type: "module" })}\n`);
  copy(join(project, "LICENSE"), join(out, "LICENSE"));
  copy(join(project, "docs/bundle.md"), join(out, "README.md"));
  for (const program of Object.keys(PROGRAMS)) {
    writeFileSync(join(out, program), launcher(program, `"$here/app/${program}.js"`));
    chmodSync(join(out, program), 0o755);
  }
  if (withNode) {
    copyNode(out);
    addNodeLicence(project, licences);
    packages.push(`node ${process.version}, MIT and others`);
    for (const line of addLibraries(join(out, "lib"))) say(line);
  }
  writeFileSync(join(out, LIST), `${LIST_TITLE}${packages.join("\n")}\n`);
  say(`${out}: ${(sizeOf(out) / 1e6).toFixed(1)} MB, for ${process.platform} ${process.arch}`);
}

/**
 * Removes an older bundle.
 *
 * @throws NuwaError when the folder holds something else
 */
export function clear(out: string): void {
  if (!existsSync(out)) return;
  const list = join(out, LIST);
  const isBundle = existsSync(list) && readFileSync(list, "utf8").startsWith(LIST_TITLE);
  if (!isBundle && readdirSync(out).length > 0)
    throw new NuwaError(`${out}: holds something that is not a bundle. Give another folder with --out.`);
  rmSync(out, { recursive: true });
}

/** The programs that tfjs's wasm backend loads by their names from beside its own file. */
export function copyWasm(project: string, app: string): void {
  const folder = join(project, "node_modules/@tensorflow/tfjs-backend-wasm/dist");
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".wasm")))
    copyFileSync(join(folder, name), join(app, name));
}

/**
 * Copies a package and what it needs, without what is for other platforms.
 *
 * @returns the folder of each in the project
 */
function copyPackage(project: string, app: string, name: string, done = new Set<string>()): string[] {
  const place = join("node_modules", name);
  const from = join(project, place);
  if (done.has(name)) return [];
  done.add(name);
  if (!existsSync(from))
    throw new NuwaError(`the package ${name} is not installed. Run npm ci, with optional packages.`);
  cpSync(from, join(app, place), { recursive: true, filter: (path) => isNeeded(relative(from, path)) });
  const { dependencies = {}, optionalDependencies = {} } = packageOf(from);
  const optional = Object.keys(optionalDependencies).filter((other) =>
    existsSync(join(project, "node_modules", other)),
  );
  // What webgpu names as dependencies are types and tools of its own development.
  const needed = name === "webgpu" ? [] : [...Object.keys(dependencies), ...optional];
  return [from, ...needed.flatMap((other) => copyPackage(project, app, other, done))];
}

/** Whether a file of a package is needed at run time on this platform. */
function isNeeded(place: string): boolean {
  if (/^(src|build|install|node_modules)(\/|$)/.test(place)) return false;
  const platform = place.match(/^dist\/((?:linux|win32|darwin)-\w+)/)?.[1];
  return platform === undefined || platform === `${process.platform}-${process.arch}`;
}

/** The Node that runs this, if it is one file: distributions split theirs into shared libraries. */
export function copyNode(out: string): void {
  const node = process.execPath;
  if (statSync(node).size < 30e6)
    throw new NuwaError(
      `${node}: needs shared libraries of this machine. Run this with a Node from nodejs.org, or leave Node out ` +
        "with --without-node.",
    );
  copy(node, join(out, "bin/node"));
  chmodSync(join(out, "bin/node"), 0o755);
}

/** Copies a file or a folder. @throws NuwaError when it is missing */
export function copy(from: string, to: string): void {
  if (!existsSync(from)) throw new NuwaError(`${from}: is missing; it belongs into the bundle.`);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((place) => statSync(join(folder, place)))
    .reduce((sum, status) => sum + (status.isFile() ? status.size : 0), 0);
}
