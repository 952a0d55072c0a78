import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import { NuwaError } from "../../src/core/errors.ts";

/** The programs of a bundle, by the name of their launcher. */
export const PROGRAMS = {
  nuwa: "scripts/bundle/nuwa.ts",
  check: "scripts/bundle/check.ts",
  times: "scripts/bundle/times.ts",
} as const;

/** The worker thread that the programs start, at its place in the project. */
const WORKER = "src/io/sandbox/worker";

/** Packages with compiled parts, which stay packages. */
export const SEPARATE_PACKAGES = ["sharp", "webgpu"] as const;

/** The native TensorFlow is bound to the machine that it was built on, so a bundle goes without. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "src/backend/tensorflow.ts": `
    export async function loadTensorflow() {
      return { loaded: false, reason: "it is not part of a bundle" };
    }`,
  "src/backend/native/report.ts": `
    export async function nativeReport() {
      return { usable: false, usesGpu: false, lines: ["not part of a bundle; its GPU backend is webgpu"] };
    }`,
};

/** What CommonJS modules, and emscripten's program for wasm, expect to find; every file gets it. */
const PREAMBLE = `
import { createRequire as nuwaCreateRequire } from "node:module";
import { dirname as nuwaDirname } from "node:path";
import { fileURLToPath as nuwaFileURLToPath } from "node:url";
const require = nuwaCreateRequire(import.meta.url);
const __filename = nuwaFileURLToPath(import.meta.url);
const __dirname = nuwaDirname(__filename);
const NUWA_ROOT = import.meta.url;
`;

/**
 * Compiles programs with all they import into plain JavaScript files.
 *
 * @param project root of the sources
 * @param folder where the files go; what the sources find by a path relative to themselves (weights,
 *   package.json) must lie in this folder as it does in the project
 * @param programs their sources, by the names of the files that are made
 * @returns the folder of every package that went in
 */
export async function compilePrograms(
  project: string,
  folder: string,
  programs: Readonly<Record<string, string>> = PROGRAMS,
): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: project,
    entryPoints: [
      ...Object.entries(programs).map(([out, path]) => ({ in: join(project, path), out })),
      { in: join(project, `${WORKER}.js`), out: WORKER },
    ],
    outdir: folder,
    bundle: true,
    splitting: true,
    // All in one folder, which the preamble takes for the root.
    chunkNames: "[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node20",
    minifySyntax: true,
    minifyWhitespace: true,
    // Messages that come from the sources keep their words, and a stack trace its names.
    minifyIdentifiers: false,
    legalComments: "none",
    external: [...SEPARATE_PACKAGES],
    banner: { js: PREAMBLE },
    plugins: [keepPlaces(project)],
    metafile: true,
    logLevel: "silent",
  }).catch((error: Error) => {
    throw new NuwaError(`bundle: the programs cannot be compiled (${error.message.replaceAll("\n", " ")}).`);
  });
  return packagesIn(project, Object.keys(metafile.inputs));
}

/** Lets every source find files as if it still lay where it does in the project. */
function keepPlaces(project: string): Plugin {
  return {
    name: "keep-places",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const place = relative(project, path);
        if (place.startsWith("node_modules")) return undefined;
        const source = LEFT_OUT[place] ?? readFileSync(path, "utf8");
        const url = `new URL(${JSON.stringify(place)}, NUWA_ROOT).href`;
        return { contents: source.replaceAll("import.meta.url", url), loader: "ts" };
      });
    },
  };
}

/** Folders of the packages that the compiled files come from. */
function packagesIn(project: string, inputs: readonly string[]): string[] {
  const folders = new Set(
    inputs
      .map((path) => path.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1])
      .filter((path) => path !== undefined),
  );
  return [...folders].sort().map((folder) => join(project, folder));
}

/** What the package.json of a package says that matters here. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** An expression of SPDX. */
  readonly license?: string;
  readonly author?: string | { readonly name: string };
  readonly repository?: string | { readonly url: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The package.json of a folder. */
export function packageOf(folder: string): Package {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** "sharp 0.35.5, Apache-2.0". */
export function describePackage(folder: string): string {
  const { name, version, license } = packageOf(folder);
  return `${name} ${version}, ${license ?? "licence in its repository"}`;
}
