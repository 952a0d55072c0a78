import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Cell, cellsOf, markedSource, outputsOf } from "./cells.ts";

/** The folder of the notebooks. */
export const FOLDER = fileURLToPath(new URL("../../notebooks/", import.meta.url));

/** A literate file that was run. */
export interface Executed {
  /** Without ending, from {@link FOLDER}: `03-stage-1-by-hand`, `solutions/03-stage-1-by-hand`. */
  readonly name: string;
  readonly cells: readonly Cell[];
  /** What each cell printed. */
  readonly outputs: readonly string[];
}

/** Names of the notebooks, in order; each has its solutions in `solutions/` under the same name. */
export function notebookNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => /^\d\d-.*\.ts$/.test(name))
    .map((name) => name.replace(/\.ts$/, ""))
    .sort();
}

/** Divides, in what is printed, a notebook from its solutions. */
const THEN = "\u0001then\n";

/**
 * Runs a notebook, and in the same process its solutions.
 *
 * @param pictures folder into which pictures are written
 * @throws Error with what was printed as error, when a cell breaks
 */
export async function runNotebook(name: string, pictures: string): Promise<Executed[]> {
  const files = [name, `solutions/${name}`]
    .filter((file) => existsSync(join(FOLDER, `${file}.ts`)))
    .map((file) => ({ name: file, cells: cellsOf(readFileSync(join(FOLDER, `${file}.ts`), "utf8")) }));
  // Beside the originals, so that their relative imports hold.
  const running = files.map((file) =>
    join(FOLDER, dirname(file.name), `.running-${process.pid}-${basename(file.name)}.ts`),
  );
  try {
    files.forEach(({ cells }, i) => {
      const next = running[i + 1];
      const goOn = `process.stdout.write(${JSON.stringify(THEN)});\nawait import(${JSON.stringify(next)});\n`;
      writeFileSync(running[i], markedSource(cells) + (next ? goOn : ""));
    });
    const printed = await outputOf(running[0], pictures);
    const parts = printed.split(THEN);
    return files.map((file, i) => ({ ...file, outputs: outputsOf(file.cells, parts[i]) }));
  } finally {
    for (const file of running) rmSync(file, { force: true });
  }
}

/** What a script prints. */
async function outputOf(script: string, pictures: string): Promise<string> {
  const child = spawn(process.execPath, ["--import", "tsx", script, pictures], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: dirname(FOLDER),
  });
  const ended = new Promise<number | null>((resolve, reject) => child.once("close", resolve).once("error", reject));
  const [printed, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0 || errors) throw new Error(errors.trim() || `ended with ${code}`);
  return printed;
}
