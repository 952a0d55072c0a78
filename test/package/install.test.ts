import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const MODULES = join(PROJECT, "node_modules");
const ANSWER = 'await answer(vlm, image, "Where is the white triangle?", { method: "nuwa", maxNewTokens: 3 })';
let folder: string;

/** What npm would install with the package: everything in the lock file that is not for development only. */
function runtimePackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(PROJECT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([path, { dev }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && dev !== true)
    .map(([path]) => path.slice("node_modules/".length))
    .filter((name) => existsSync(join(MODULES, name)));
}

function inFolder(command: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

/**
 * An empty project with the packed tarball in it. Its dependencies are those of the clone, by links: an installation
 * from a registry would make the test hang on a network.
 */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nuwa-package-"));
  const packed = spawnSync("npm", ["run", "package", "--", "--pack-destination", folder], {
    cwd: PROJECT,
    encoding: "utf8",
  });
  expect(packed.status, packed.stderr).toBe(0);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) as string;
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "nuwa"), { recursive: true });
  expect(inFolder("tar", "-xzf", tarball, "-C", join(modules, "nuwa"), "--strip-components=1").status).toBe(0);
  for (const name of runtimePackages()) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(MODULES, name), join(modules, name));
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the packed package", () => {
  it("holds compiled modules, declarations and source maps, and neither sources nor tests", () => {
    const files = readdirSync(join(folder, "node_modules/nuwa"), { recursive: true, encoding: "utf8" });
    for (const name of [
      "dist/index.js",
      "dist/index.d.ts",
      "dist/index.js.map",
      "dist/node.js",
      "weights/shapes/model.safetensors",
    ])
      expect(files).toContain(name);
    expect(files.filter((name) => /^(src|test|scripts|docs|notebooks)\b/.test(name))).toEqual([]);
    expect(existsSync(join(folder, "node_modules/nuwa/weights/untrained"))).toBe(false);
    // Declarations cannot be followed to sources that are not there; source maps hold theirs.
    expect(files.filter((name) => name.startsWith("dist") && name.endsWith(".d.ts.map"))).toEqual([]);
    const map = JSON.parse(readFileSync(join(folder, "node_modules/nuwa/dist/index.js.map"), "utf8"));
    expect(map.sourcesContent[0]).toContain("export");
  });

  it("answers from plain JavaScript, without a loader", () => {
    writeFileSync(
      join(folder, "answer.js"),
      `import { answer, loadVlm, preprocess, shapesWeights, useBackend } from "nuwa/node";
await useBackend("wasm");
const vlm = loadVlm(shapesWeights());
const image = await preprocess(${JSON.stringify(join(PROJECT, "docs/images/scene.png"))}, vlm.preprocessing);
console.log((${ANSWER}).text);`,
    );
    expect(inFolder(process.execPath, "answer.js")).toEqual({ status: 0, stdout: "[ 0.40 ,\n", stderr: "" });
  });

  it("has types for TypeScript under NodeNext with strict", () => {
    writeFileSync(
      join(folder, "types.ts"),
      `import { alignAnchors, type Method } from "nuwa";
import { coverageOf } from "nuwa/analysis";
import { settingsOf } from "nuwa/eval";
import { answer, loadVlm, preprocess, shapesWeights } from "nuwa/node";
import { judge } from "nuwa/laws";
import { tune } from "nuwa/train";
import { sceneOf } from "nuwa/world";
export const scene = sceneOf("test", 1);
const vlm = loadVlm(shapesWeights());
const image = await preprocess("scene.png", vlm.preprocessing);
export const text: string = (${ANSWER}).text;
export const kept: number[] = alignAnchors([1, 2], { rows: 1, columns: 2 }, { keep: 1, regionSize: 2 });
export const all: [Method["name"], unknown, unknown, unknown, unknown] = ["", coverageOf, settingsOf, tune, judge];
// @ts-expect-error a method is a name, a definition or a method
export const wrong = answer(vlm, image, "", { method: 1 });
`,
    );
    const compiler = join(MODULES, "typescript/bin/tsc");
    const options = "--noEmit --strict --skipLibCheck --module nodenext --target es2022 --lib es2023,dom --types node";
    expect(inFolder(process.execPath, compiler, ...options.split(" "), "types.ts")).toMatchObject({
      status: 0,
      stdout: "",
    });
  });

  it("brings the command", () => {
    const nuwa = (...args: string[]) => inFolder(process.execPath, "node_modules/nuwa/bin/nuwa.js", ...args);
    const { status, stdout } = nuwa("tokenize", "--model", "node_modules/nuwa/weights/shapes", "--text", "the ring");
    expect({ status, ids: JSON.parse(stdout).length > 1 }).toEqual({ status: 0, ids: true });
    const missing = nuwa("ask", "none.png", "Where?");
    expect(missing).toEqual({ status: 1, stdout: "", stderr: expect.stringMatching(/^nuwa: none\.png: .*\n$/) });
    const doctor = nuwa("doctor");
    expect(doctor).toMatchObject({ status: 0, stdout: expect.stringMatching(/^nuwa +0\.1\.0$/m), stderr: "" });
    // The package has none of the project's npm scripts.
    expect(doctor.stdout).not.toMatch(/npm run|npm ci/);
  });

  it("runs a method's own TypeScript file where Node can, and names the remedy where it cannot", () => {
    writeFileSync(
      join(folder, "mine.ts"),
      `import type { MethodDefinition } from "nuwa";
const definition: MethodDefinition<number> = {
  name: "mine",
  summary: "the first cell",
  positions: "original",
  budget: () => 1,
  create: () => ({
    name: "mine",
    positions: "original",
    idsAfterCut: "kept",
    *selectPatches({ clsAttention }) {
      const images = clsAttention?.shape[0] ?? 1;
      return { cells: Array.from({ length: images }, () => [0]) };
    },
    cuts: new Map(),
  }),
};
export default definition;`,
    );
    const { status, stdout, stderr } = inFolder(
      ...([process.execPath, "node_modules/nuwa/bin/nuwa.js", "laws", "--method", "./mine.ts", "--runs", "1"] as const),
    );
    if ("typescript" in process.features) expect(stdout).toMatch(/^(keeps|breaks) /);
    else
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr:
          "nuwa: ./mine.ts: this Node cannot run TypeScript. " +
          "Compile the file to JavaScript, or use Node 22.18 or later.\n",
      });
  });
});
