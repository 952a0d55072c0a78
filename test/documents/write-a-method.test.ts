import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const document = readFileSync(join(PROJECT, "docs/write-a-method.md"), "utf8");
const blocks = (language: string) =>
  [...document.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(([, text]) => text);

/** A folder in which the document's commands find the command, the picture and the package. */
function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "nuwa-method-"));
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(PROJECT, join(folder, "node_modules/nuwa"));
  symlinkSync(join(PROJECT, "bin/nuwa.js"), join(folder, "node_modules/.bin/nuwa"));
  symlinkSync(join(PROJECT, "docs"), join(folder, "docs"));
  return folder;
}

it("docs/write-a-method.md leads from an empty file to a verdict and an answer, word for word", () => {
  const folder = workFolder();
  const shell = (command: string) => spawnSync(command, { shell: true, cwd: folder, encoding: "utf8" });
  const [whole, change] = blocks("ts");
  const [judge, again, ask] = blocks("sh");
  const [broken, mended] = blocks("text");
  writeFileSync(join(folder, "my-pruner.ts"), whole);

  const first = shell(judge);
  expect(first.stdout).toContain(broken);
  expect(first.stdout).toMatch(/missing/);
  expect(first.status).toBe(1);
  const [replay] = first.stdout.match(/^ {2}npx --no-install nuwa laws .*/m) ?? [];
  expect(shell(`npx --no-install ${replay?.trim()}`).stdout).toContain("Smallest case found (try 1,");

  writeFileSync(
    join(folder, "my-pruner.ts"),
    whole.replace(/^ *const order.*\n/m, () => change),
  );
  const second = shell(again);
  expect(second).toMatchObject({ stdout: mended, status: 0, stderr: "" });
  const answer = shell(ask);
  expect(answer.stderr).toBe("");
  expect(answer.stdout).toMatch(/^answer +\S/m);
}, 180_000);
