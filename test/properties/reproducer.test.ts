import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const FALSE_LAW = "test/properties/false-law.ts";
const SENTENCE = "The best patch of the whole grid stands in the first row.";

/** What a command prints, without colours, and its exit status. */
function shell(command: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, { shell: true, cwd: PROJECT, encoding: "utf8" });
  return { status, output: stripVTControlCharacters(stdout + stderr) };
}

describe("a broken law", () => {
  it("prints the smallest case as a picture, and a command that replays exactly it", () => {
    const broken = shell(`npm run test:replay -- --seed 7 --law "${SENTENCE}" ${FALSE_LAW}`);
    expect(broken.status).toBe(1);
    expect(broken.output).toContain(`Law broken: ${SENTENCE}`);
    // The smallest grid with a second row, its second patch better than the first.
    expect(broken.output).toMatch(/2×1 patches, regions of 1×1\n+ 0 \n---\n 1 \n/);
    const [command] = broken.output.match(/npm run test:replay -- --seed 7 --path [\d:]+ .*/) ?? [];
    expect(command).toBeDefined();

    const again = shell(command as string);
    expect(again.status).toBe(1);
    expect(again.output).toMatch(/Case 1, shrunk 0 times/);
    expect(again.output).toMatch(/2×1 patches, regions of 1×1\n+ 0 \n---\n 1 \n/);
  });

  it("is not looked for under another sentence", () => {
    const other = shell(`npm run test:replay -- --seed 7 --law "The best patch" ${FALSE_LAW}`);
    expect(other.status).toBe(2);
    expect(other.output).toContain('states no law "The best patch"');
  });
});
