import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CONTEXT, checkExamples } from "./example-checks.ts";
import { exampleModule, PROJECT, writtenExamples } from "./examples.ts";

const { exported, unseen, errors, context, running } = checkExamples(writtenExamples());

/** Precedes what an example prints. */
const MARK = "\u0001";

/** What the modules print, one text for each, and what went wrong. */
function printedBy(modules: readonly string[]): { readonly printed: string[]; readonly problem: string } {
  const names = modules.map((_, i) => `.example-${process.pid}-${i}.ts`);
  const all = `.example-${process.pid}-all.ts`;
  const files = [CONTEXT, ...names, all].map((name) => join(PROJECT, name));
  const texts = [
    context,
    ...modules,
    names.map((name) => `process.stdout.write(${JSON.stringify(MARK)});\nawait import("./${name}");\n`).join(""),
  ];
  try {
    for (const [i, file] of files.entries()) writeFileSync(file, texts[i]);
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--import", "tsx", files.at(-1) as string], {
      cwd: PROJECT,
      encoding: "utf8",
    });
    return { printed: stdout.split(MARK).slice(1), problem: status === 0 ? "" : stderr };
  } finally {
    for (const file of files) rmSync(file, { force: true });
  }
}

/** Lines without those at the end that are empty. */
const lines = (text: string) => text.trimEnd().split("\n");

describe("the examples", () => {
  it("compile, with what the entry points export and the shared values imported for them", () => {
    expect(errors).toEqual([]);
  });

  it("show everything that the entry points export", () => {
    expect(exported.length).toBeGreaterThan(300);
    expect(unseen).toEqual([]);
  });

  it("of docs/api.md and docs/add-a-family.md print what is written below them", () => {
    const { printed, problem } = printedBy(running.map(({ text }) => text));
    expect(problem).toBe("");
    const expected = running.map(({ example }) =>
      [...example.code.matchAll(/^ *\/\/ (.*)$/gm)].map(([, line]) => line),
    );
    expect(printed.length).toBeGreaterThan(20);
    expect(printed.map(lines)).toEqual(expected);
  });

  it("show what they use or import, not what a parameter is called", () => {
    const { text, shows } = exampleModule(
      'import { judge as j } from "nuwa/laws";\nx.best; [1].map((best) => quantile(best, patchCount)); j;',
      exported,
      { names: ["x"], path: CONTEXT },
    );
    expect([...shows].sort()).toEqual(["index: patchCount", "index: quantile", "laws: judge"]);
    expect(text).toContain(`import { x } from "./${CONTEXT}";\n`);
    expect(text).toContain('import { quantile } from "./src/index.ts";\n');
  });
});
