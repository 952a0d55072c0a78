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

/** Precedes, in what is printed, what each file prints. */
const NEXT = "\u0001file\n";

/**
 * Runs notebooks and their solutions, one after the other in one process: starting it and warming it up takes
 * longer than many a notebook.
 *
 * @param pictures folder into which pictures are written
 * @throws Error with what was printed as error, when a cell breaks
 */
export async function runNotebooks(names: readonly string[], pictures: string): Promise<Executed[]> {
  const files = names
    .flatMap((name) => [name, `solutions/${name}`])
    .filter((file) => existsSync(join(FOLDER, `${file}.ts`)))
    .map((name) => ({ name, cells: cellsOf(readFileSync(join(FOLDER, `${name}.ts`), "utf8")) }));
  // Beside the originals, so that their relative imports hold.
  const hidden = (name: string) => join(FOLDER, dirname(name), `.running-${process.pid}-${basename(name)}.ts`);
  const all = hidden("all");
  try {
    for (const { name, cells } of files) writeFileSync(hidden(name), markedSource(cells));
    const begin = `process.stdout.write(${JSON.stringify(NEXT)});\n`;
    writeFileSync(all, files.map(({ name }) => `${begin}await import(${JSON.stringify(hidden(name))});\n`).join(""));
    const [, ...parts] = (await outputOf(all, pictures)).split(NEXT);
    return files.map((file, i) => ({ ...file, outputs: outputsOf(file.cells, parts[i]) }));
  } finally {
    for (const { name } of files) rmSync(hidden(name), { force: true });
    rmSync(all, { force: true });
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
