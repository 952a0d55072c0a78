import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/**
 * Tests that no mutation is tried on: they check documents, package and bundle, or need other backends, and take long
 * before they come to the code that is broken.
 */
const LEFT_OUT = /^test\/(docs|package|backend|notebooks|bundle|style|architecture)\b/;

/** Which files the tests are made of, and so which tests a change of a file can reach. */
export interface Reach {
  /** Test files that import a file, directly or not, with the number of imports between: 1 where it is direct. */
  testsOf(file: string): ReadonlyMap<string, number>;
}

/**
 * Reads the imports of all test files, as esbuild resolves them; imports of types alone do not count.
 *
 * @param project its folder; files are named from there
 */
export async function reachOf(project: string): Promise<Reach> {
  const tests = readdirSync(join(project, "test"), { recursive: true, encoding: "utf8" })
    .map((name) => `test/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".test.ts") && !LEFT_OUT.test(name));
  const { metafile } = await build({
    absWorkingDir: project,
    entryPoints: tests,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    outdir: "never-written",
    write: false,
    metafile: true,
    logLevel: "error",
  });
  const importers = new Map<string, string[]>();
  for (const [importer, { imports }] of Object.entries(metafile.inputs))
    for (const { path, external } of imports) {
      if (external) continue;
      const known = importers.get(path) ?? [];
      if (!known.includes(importer)) importers.set(path, [...known, importer]);
    }
  return { testsOf: (file) => testsFrom(file, importers, new Set(tests)) };
}

/** From importer to importer, the nearest first. */
function testsFrom(
  file: string,
  importers: ReadonlyMap<string, readonly string[]>,
  tests: ReadonlySet<string>,
): Map<string, number> {
  const distance = new Map([[file, 0]]);
  for (const [at, steps] of distance)
    for (const importer of importers.get(at) ?? []) if (!distance.has(importer)) distance.set(importer, steps + 1);
  return new Map([...distance].filter(([at]) => tests.has(at)));
}
