/**
 * Runs every notebook and writes it with its outputs: `notebooks/NAME.ts` is the source of truth,
 * `notebooks/NAME.ipynb` is made from it for reading. Ends with 1 when a notebook breaks.
 *
 * usage: npm run notebooks [-- NAME...]
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeAtomically } from "../src/io/files.ts";
import { cellsOf, markedSource, outputsOf } from "./notebooks/cells.ts";
import { ipynb } from "./notebooks/ipynb.ts";

const folder = fileURLToPath(new URL("../notebooks/", import.meta.url));
const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((name) => /^\d\d-.*\.ts$/.test(name))
  .map((name) => name.replace(/\.ts$/, ""))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
if (names.length === 0) {
  console.error(`notebooks: none is called ${wanted.join(" or ")}.`);
  process.exitCode = 2;
}
for (const name of names) {
  const cells = cellsOf(readFileSync(join(folder, `${name}.ts`), "utf8"));
  // Beside the original, so that its relative imports hold.
  const marked = join(folder, `.running-${name}.ts`);
  writeFileSync(marked, markedSource(cells));
  try {
    const started = performance.now();
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", marked], {
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    if (status === 0) {
      writeAtomically(join(folder, `${name}.ipynb`), ipynb(cells, outputsOf(cells, stdout), folder));
      console.log(`${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    } else {
      console.error(`${name}: broken\n${stderr.trim()}`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(marked, { force: true });
  }
}
