/**
 * Runs every notebook and its solutions and writes them with their outputs: `notebooks/NAME.ts` is the source of truth,
 * `notebooks/NAME.ipynb` is made from it for reading. With `--check` nothing is written: outputs and pictures are
 * compared with those that are committed. Ends with 1 when a notebook breaks or differs.
 *
 * usage: npm run notebooks [-- [--check] NAME...]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../src/io/files.ts";
import { forJupyter } from "./notebooks/cells.ts";
import { checkNotebooks } from "./notebooks/check.ts";
import { ipynb } from "./notebooks/ipynb.ts";
import { FOLDER, notebookNames, runNotebooks } from "./notebooks/run.ts";

const given = process.argv.slice(2);
const wanted = given.filter((word) => word !== "--check");
const names = notebookNames().filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const fail = (message: string, code = 1) => {
  console.error(message);
  process.exitCode = code;
};
if (names.length === 0) fail(`notebooks: none is called ${wanted.join(" or ")}.`, 2);
const started = performance.now();
if (given.includes("--check")) for (const line of await checkNotebooks(names)) fail(line);
else for (const name of names) await remake(name);
console.log(`${names.length} notebooks: ${((performance.now() - started) / 1000).toFixed(1)} s`);

/** Runs a notebook and writes what it and its solutions printed and drew. */
async function remake(name: string): Promise<void> {
  try {
    for (const { name: file, cells, outputs } of await runNotebooks([name], join(FOLDER, "pictures"))) {
      const drawn = (path: string) => readFileSync(join(FOLDER, path));
      writeAtomically(join(FOLDER, `${file}.ipynb`), ipynb(forJupyter(cells), outputs, drawn));
    }
  } catch (error) {
    fail(`${name}: broken: ${(error as Error).message}`);
  }
}
