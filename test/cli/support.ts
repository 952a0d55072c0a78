import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { main } from "../../src/cli/main.ts";
import { fixturePath } from "../support.ts";

/** What a command printed and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line in this process. */
export async function nuwa(...argv: string[]): Promise<Outcome> {
  let out = "";
  let err = "";
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    out += chunk;
    return true;
  });
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    err += chunk;
    return true;
  });
  try {
    const code = await main(argv);
    return { code, out, err };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

/** A new empty folder. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "nuwa-test-"));
}

/** A copy of a fixture checkpoint that a test may damage. */
export function copyOf(fixture: string): string {
  const folder = temporaryFolder();
  cpSync(fixturePath(fixture), folder, { recursive: true });
  return folder;
}

/** Changes the JSON of a file. */
export function editJson(path: string, change: (json: Record<string, never>) => void): void {
  const json = JSON.parse(readFileSync(path, "utf8"));
  change(json);
  writeFileSync(path, JSON.stringify(json));
}

/** Names in a folder. */
export function listing(folder: string): string[] {
  return readdirSync(folder).sort();
}

/** What is written on stderr besides how far patching is, which a slow machine says. */
export function withoutProgress(err: string): string {
  return err.replace(/^\d+\/\d+ passes of patching .*\n/gm, "");
}
