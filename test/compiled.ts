import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { copyWasm } from "../scripts/bundle/contents.ts";
import { compilePrograms } from "../scripts/bundle/program.ts";
import type { Outcome } from "./cli/support.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

/** `bin/nuwa.js`, for {@link compiled}. */
export const NUWA = "scripts/bundle/nuwa.ts";

/** Programs that run as processes of their own. */
export interface Compiled {
  /** The file of each, to be run by Node. */
  readonly files: Readonly<Record<string, string>>;
  /** Takes the files away. */
  remove(): void;
}

/**
 * Compiles programs as a bundle has them. A process that loads them starts in a quarter of the time that it takes to
 * load the sources through tsx, which a test that starts many can save. The workers of an evaluation run them, too.
 *
 * @param programs their sources below the project, by name
 */
export async function compiled(programs: Readonly<Record<string, string>>): Promise<Compiled> {
  const folder = mkdtempSync(join(tmpdir(), "nuwa-compiled-"));
  await compilePrograms(PROJECT, folder, programs);
  copyWasm(PROJECT, folder);
  for (const name of ["node_modules", "package.json", "weights"]) symlinkSync(join(PROJECT, name), join(folder, name));
  return {
    files: Object.fromEntries(Object.keys(programs).map((name) => [name, join(folder, `${name}.js`)])),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs a file to its end as a process of its own. */
export function inProcess(file: string, ...argv: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [file, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    err += text;
  });
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ code: code ?? -1, out, err }));
  });
}
