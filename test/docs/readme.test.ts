import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

it("README.md: the library example has five lines and prints an answer", () => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(PROJECT, "README.md"), "utf8")) ?? [];
  expect(code.trim().split("\n")).toHaveLength(5);
  // In the project's folder, so that its relative import holds.
  const file = join(PROJECT, `.readme-${process.pid}.ts`);
  writeFileSync(file, code);
  try {
    const { status, stdout } = spawnSync(process.execPath, ["--import", "tsx", file], {
      cwd: PROJECT,
      encoding: "utf8",
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\[ 0\.\d\d , 0\.\d\d , 0\.\d\d , 0\.\d\d \]$/m);
  } finally {
    rmSync(file, { force: true });
  }
});
