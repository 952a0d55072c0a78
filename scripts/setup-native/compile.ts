import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { cudaLibraries } from "../../src/backend/native/cuda.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { type Libraries, libraryFiles } from "./libraries.ts";
import { type CommandResult, runCommand, say, type Workspace } from "./workspace.ts";

/** Version of the npm package whose headers are fetched where this Node came without its own. */
const NODE_API_HEADERS = "node-api-headers@1.9.0";

/** Where the package looks for its binding; Node-API 8 is in every Node from 18 on. */
const BINDING = "lib/napi-v8/tfjs_binding.node";

/**
 * Finds a C++ compiler.
 *
 * @throws NuwaError with the remedy when there is none
 */
export async function findCompiler(workspace: Workspace): Promise<string> {
  const named = process.env.CXX;
  for (const compiler of named ? [named] : ["c++", "g++", "clang++"])
    if ((await runCommand(workspace, compiler, ["--version"])).exitCode === 0) return compiler;
  throw new NuwaError(
    `no C++ compiler was found (${named ? `CXX=${named}` : "c++, g++ or clang++"}). ` +
      "Install one (Debian: apt-get install g++; Fedora: dnf install gcc-c++).",
  );
}

/**
 * Compiles the package's binding, two source files, against a libtensorflow.
 *
 * @param packageFolder a copy of the package
 * @throws NuwaError with the compiler's first error
 */
export async function compileBinding(workspace: Workspace, packageFolder: string, libraries: Libraries): Promise<void> {
  const compiler = await findCompiler(workspace);
  const output = join(packageFolder, BINDING);
  mkdirSync(dirname(output), { recursive: true });
  say(`Compiling the binding with ${compiler}`);
  const headers = [nodeHeaders() ?? (await fetchNodeHeaders(workspace)), ...tensorflowHeaders(libraries)];
  const result = await runCommand(workspace, compiler, compilerArguments(packageFolder, headers, libraries, output));
  if (result.exitCode !== 0) throw new NuwaError(compilerFailure(compiler, result));
}

/** The arguments of the one call of the compiler. */
export function compilerArguments(
  packageFolder: string,
  headers: readonly string[],
  { folder }: Libraries,
  output: string,
): string[] {
  const { api, framework } = libraryFiles(join(folder, "tensorflow"));
  const cuda = cudaLibraries(join(folder, "nvidia"));
  return [
    ...["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8", "-o", output],
    ...headers.map((include) => `-I${include}`),
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((file) => join(packageFolder, "binding", file)),
    ...[api, framework],
    // TensorFlow opens CUDA's libraries by their bare names, and whether its own search path leads to them
    // differs from release to release. So the binding itself needs them: they are loaded with it, from
    // where it says, and the names that TensorFlow (or one of them) asks for later are found loaded.
    ...(cuda.length > 0 ? ["-Wl,--no-as-needed", ...cuda] : []),
    // RPATH instead of the newer RUNPATH: it also serves the libraries that these need in turn.
    "-Wl,--disable-new-dtags",
    ...runtimePaths(dirname(output), [api, framework, ...cuda]).map((path) => `-Wl,-rpath,${path}`),
  ];
}

/**
 * Where the loader finds libraries at run time: their folders, from the binding's own, so that the project can be
 * moved.
 */
export function runtimePaths(bindingFolder: string, libraries: readonly string[]): string[] {
  const folders = [...new Set(libraries.map((path) => dirname(path)))];
  return folders.map((folder) => `$ORIGIN/${relative(bindingFolder, folder)}`);
}

/** The headers of Node's C interface where this Node, or the system, has them. */
function nodeHeaders(): string | undefined {
  const prefixes = [process.env.npm_config_nodedir, dirname(dirname(process.execPath)), "/usr"];
  return prefixes
    .filter((prefix) => prefix !== undefined)
    .map((prefix) => join(prefix, "include/node"))
    .find((folder) => existsSync(join(folder, "node_api.h")));
}

async function fetchNodeHeaders(workspace: Workspace): Promise<string> {
  const args = ["install", "--prefix", workspace.temporary, "--no-save", "--ignore-scripts", NODE_API_HEADERS];
  const { exitCode, stderr } = await runCommand(workspace, "npm", args);
  if (exitCode === 0) return join(workspace.temporary, "node_modules/node-api-headers/include");
  const reason = stderr.split("\n").find((line) => line.startsWith("npm error")) ?? stderr.split("\n")[0];
  throw new NuwaError(
    `Node's headers are not on this machine and npm cannot fetch ${NODE_API_HEADERS} (${reason}). Install them ` +
      "(Debian: apt-get install libnode-dev), or check npm's network.",
  );
}

function tensorflowHeaders({ folder }: Libraries): string[] {
  return [join(folder, "include"), join(folder, "tensorflow/include")].filter(existsSync);
}

/** One line for a compilation that failed. */
export function compilerFailure(compiler: string, { stderr }: Pick<CommandResult, "stderr">): string {
  const error = stderr.split("\n").find((line) => /error:|undefined reference|cannot find|not recognized/.test(line));
  const reason = (error ?? stderr.trim().split("\n").at(-1) ?? "").trim();
  if (/No space left/.test(stderr)) return "the disk is full. Free some space and run the command again.";
  if (/c\+\+17/.test(reason))
    return `${compiler} is too old (${reason}). Install one that knows C++17, such as g++ 9, or set CXX.`;
  return (
    `${compiler} cannot compile the binding: ${reason}. ` +
    "Try another libtensorflow (--libtensorflow pypi) or compiler (CXX=...)."
  );
}
