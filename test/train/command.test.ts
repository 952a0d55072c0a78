import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { main } from "../../src/cli/main.ts";
import { duration, terminalReport } from "../../src/train/engine/progress-report.ts";
import type { Stage } from "../../src/train/engine/stage.ts";
import { RECIPES } from "../../src/train/shapes/recipe.ts";
import { inFolder } from "./support.ts";

/** Runs the command line and returns its exit code and what it wrote to stderr. */
async function run(...argv: string[]): Promise<{ code: number; error: string }> {
  const spy = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const code = await main(argv);
  return { code, error: spy.mock.calls.map(([text]) => String(text)).join("") };
}

afterEach(() => {
  vi.restoreAllMocks();
});

it("resuming where there is no training is a usage error that says what to do", () =>
  inFolder(async (folder) => {
    const { code, error } = await run("train", "--recipe", "tiny", "--out", folder, "--resume");
    expect(code).toBe(2);
    expect(error).toBe(`nuwa: ${folder}: holds no training to resume. Leave out --resume.\n`);
  }));

it("a training is never overwritten", () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, "progress.json"), "{}");
    const { code, error } = await run("train", "--recipe", "tiny", "--out", folder);
    expect(code).toBe(2);
    expect(error).toContain("holds a training. Add --resume");
  }));

it("a damaged training is named in one line", () =>
  inFolder(async (folder) => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "progress.json"), "{");
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const { code, error } = await run("train", "--recipe", "tiny", "--out", folder, "--resume", "--backend", "wasm");
    expect(code).toBe(1);
    expect(error).toMatch(/progress\.json: is not JSON.*\n$/);
    expect(error.trim().split("\n")).toHaveLength(1);
  }));

it("a folder that cannot be written is refused before the training, not after its first stage", () =>
  inFolder(async (folder) => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(await run("train", "--recipe", "tiny", "--out", "")).toEqual({
      code: 2,
      error: "nuwa: --out is empty. Give a path.\n",
    });
    vi.restoreAllMocks();
    expect(await run("train", "--recipe", "tiny", "--out", join(file, "below"))).toEqual({
      code: 1,
      error: `nuwa: ${file}: is not a folder, nothing can be written below it. Choose another one.\n`,
    });
  }));

it("an unknown recipe is refused with the names of those there are", async () => {
  const { code, error } = await run("train", "--recipe", "huge");
  expect(code).toBe(2);
  for (const name of Object.keys(RECIPES)) expect(error).toContain(name);
});

it("progress is one line that is written over on a terminal, and plain lines elsewhere", () => {
  const stage = { name: "vision", recipe: { steps: 40 } } as Stage;
  const lines = (isTTY: boolean) => {
    const written: string[] = [];
    const report = terminalReport({ isTTY, write: (text) => written.push(text) });
    for (let step = 1; step <= 40; step++)
      report.step({ stage: "vision", step, loss: 2, gradientNorm: 1, rate: 1 }, stage, 3);
    return written;
  };
  expect(lines(false)).toEqual([
    "vision 20/40  loss 2.000  3.00 s/step  60 s left\n",
    "vision 40/40  loss 2.000  3.00 s/step  0 s left\n",
  ]);
  expect(lines(true)).toHaveLength(40);
  expect(lines(true).every((line) => line.startsWith("\r") && !line.includes("\n"))).toBe(true);
});

it("durations are given in the largest unit that says enough", () => {
  expect([12, 300, 7500].map(duration)).toEqual(["12 s", "5 min", "2 h 5 min"]);
});
