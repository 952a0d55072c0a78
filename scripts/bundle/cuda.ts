import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { ACTIVE } from "../../src/backend/native/locate.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { commitOf, ORIGIN } from "../machine/origin.ts";
import type { Libraries } from "../setup-native/libraries.ts";
import type { Wheel } from "../setup-native/pip.ts";
import { clear, copy, copyNode, LIST, LIST_TITLE } from "./contents.ts";
import { joinScript } from "./join.ts";
import { launcher } from "./launcher.ts";
import { addLibraries } from "./libraries.ts";
import { addNodeLicence } from "./licences.ts";
import { writeParts } from "./parts.ts";
import { describePackage } from "./program.ts";

/** Name of the folder that is packed. */
const NAME = "nuwa-cuda";

/** Largest size of a part, in bytes. */
const PART_LIMIT = 60e6;

/** What of the sources goes in: all that the commands, the tests and the benchmark read. */
const SOURCES = [
  ...["bin", "docs", "scripts", "src", "test", "weights"],
  ...["LICENSE", "README.md", "CHANGELOG.md", "package.json", "tsconfig.json", "vitest.config.ts"],
];

/** Packages of the project's own development that none of those needs. */
const TOOLS = /^(@biomejs|playwright-core|prettier|typescript|\.cache|\.vite.*)$/;

/**
 * Fills a folder with the project itself, with the CUDA build of `npm run setup:native -- --cuda` and Node, in parts,
 * and the script that joins them:
 *
 *     join.sh, parts.sha256, nuwa-cuda.tar.gz.000 …, README.md, PACKAGES.txt
 *
 * Unlike the bundle for WebGPU this one holds the sources: the binding finds packages by Node's rules, from its own
 * place, and what is run there (tests, benchmark) is what is run here.
 *
 * @param project root of the sources, with its `.native`
 * @param out the folder; replaced when it is a bundle
 * @param say gets what is done, line by line
 * @throws NuwaError when `out` holds something else, or the CUDA build is not there
 */
export async function makeCudaBundle(project: string, out: string, say: (line: string) => void): Promise<void> {
  const native = cudaBuild(join(project, ".native"));
  clear(out);
  const stage = join(out, NAME);
  mkdirSync(stage, { recursive: true });
  writeFileSync(join(out, LIST), LIST_TITLE);
  stageProject(project, native, join(stage, "project"));
  copyNode(stage);
  addNodeLicence(project, join(stage, "licences"));
  for (const line of addLibraries(join(stage, "lib"))) say(line);
  writeLaunchers(stage);
  copy(join(project, "docs/bundle-cuda.md"), join(out, "README.md"));
  writeFileSync(join(out, LIST), LIST_TITLE + packageList(project, native.wheels).join("\n"));
  for (const name of ["README.md", LIST]) copyFileSync(join(out, name), join(stage, name));
  const size = sizeOf(stage);
  say(`Packing ${(size / 1e9).toFixed(2)} GB`);
  writeFileSync(join(out, "join.sh"), joinScript(NAME, size));
  const parts = await writeParts(out, NAME, out, PART_LIMIT);
  rmSync(stage, { recursive: true });
  say(`${out}: ${parts.names.length} parts, ${(parts.bytes / 1e9).toFixed(2)} GB. There: sh join.sh [FOLDER]`);
}

/** A CUDA build that is set up. */
export interface CudaBuild {
  /** Folder of the build, and of the libraries that it is linked against. */
  readonly build: string;
  readonly libraries: string;
  readonly wheels: readonly Wheel[];
}

/**
 * Puts the project together in a folder, with its CUDA build, hardly taking space.
 *
 * @param inside the folder; must not exist
 */
export function stageProject(project: string, { build, libraries }: CudaBuild, inside: string): void {
  for (const place of SOURCES) link(join(project, place), join(inside, place), isSource);
  link(join(project, "node_modules"), join(inside, "node_modules"), isPackage);
  // The binding looks for its libraries from its own folder, so both keep their places.
  const native = join(inside, ".native");
  link(build, join(native, "builds", basename(build)));
  link(libraries, join(native, "libtensorflow", basename(libraries)));
  symlinkSync(join("builds", basename(build)), join(native, ACTIVE));
  writeFileSync(join(inside, ORIGIN), `${JSON.stringify({ commit: commitOf(project) })}\n`);
}

/** The programs of the bundle: everything in one, and the command line. */
function writeLaunchers(stage: string): void {
  const tsx = '--import "$here/project/node_modules/tsx/dist/loader.mjs"';
  const programs = { run: `${tsx} "$here/project/scripts/machine.ts"`, nuwa: '"$here/project/bin/nuwa.js"' };
  for (const [name, command] of Object.entries(programs)) {
    writeFileSync(join(stage, name), launcher(name, command));
    chmodSync(join(stage, name), 0o755);
  }
}

/**
 * The build in use with its libraries.
 *
 * @param native the folder `.native` of a project
 * @throws NuwaError where there is none, or it has no CUDA
 */
export function cudaBuild(native: string): CudaBuild {
  const remedy = "Run: npm run setup:native -- --cuda";
  const active = join(native, ACTIVE);
  if (!existsSync(join(active, "setup.json"))) throw new NuwaError(`the native backend is not set up. ${remedy}`);
  const setup = JSON.parse(readFileSync(join(active, "setup.json"), "utf8")) as { libraries: string };
  const libraries = join(native, "libtensorflow", setup.libraries);
  const record = JSON.parse(readFileSync(join(libraries, "libraries.json"), "utf8")) as Libraries;
  if (!existsSync(join(libraries, "nvidia")))
    throw new NuwaError(`what is set up, ${record.source}, has no CUDA. ${remedy}`);
  return { build: realpathSync(active), libraries, wheels: record.wheels };
}

/** Everything but what is fetched or made for the documents' site. */
function isSource(path: string): boolean {
  return !/\/docs\/(site|page\/(node_modules|dist))$/.test(path);
}

/** Packages with all that runs; without maps of their sources, which are a third of them. */
function isPackage(path: string): boolean {
  return !/\.(map|d\.[cm]?ts)$/.test(path) && !TOOLS.test(path.split("node_modules/").at(-1) as string);
}

/**
 * Copies a file or a folder without taking space: files become hard links where the disk allows it. Links are
 * followed, since they may lead out of the project.
 */
function link(from: string, to: string, wanted: (path: string) => boolean = () => true): void {
  if (!existsSync(from) || !wanted(from)) return; // a link to nowhere is left out
  if (statSync(from).isDirectory()) {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) link(join(from, name), join(to, name), wanted);
    return;
  }
  mkdirSync(dirname(to), { recursive: true });
  const file = realpathSync(from);
  try {
    linkSync(file, to);
  } catch {
    copyFileSync(file, to); // another disk
  }
}

/** A line for everything that goes in: Node, the wheels with their checksums, npm's packages. */
function packageList(project: string, wheels: readonly Wheel[]): string[] {
  const names = (folder: string) => readdirSync(folder).filter((name) => !name.startsWith(".") && !TOOLS.test(name));
  const modules = join(project, "node_modules");
  const folders = names(modules).flatMap((name) =>
    name.startsWith("@")
      ? names(join(modules, name)).map((inner) => join(modules, name, inner))
      : [join(modules, name)],
  );
  return [
    `node ${process.version}, MIT and others`,
    ...wheels.map(({ name, version, file, sha256 }) => `${name} ${version}, ${file}, sha256 ${sha256}`),
    ...folders.filter((folder) => existsSync(join(folder, "package.json"))).map(describePackage),
    "",
  ];
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((place) => lstatSync(join(folder, place)))
    .reduce((sum, status) => sum + (status.isFile() ? status.size : 0), 0);
}
