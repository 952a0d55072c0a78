/**
 * Makes one folder that runs on a Linux machine with a GPU and neither npm nor network: see docs/bundle.md.
 *
 *     npm run bundle [-- --out FOLDER] [-- --without-node]
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { NuwaError } from "../src/core/errors.ts";
import { makeBundle } from "./bundle/contents.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

const options = new Command("npm run bundle --")
  .description("make one folder with program, GPU backend, Node and a small checkpoint")
  .option("--out <folder>", "where it goes; an older bundle there is replaced", "out/bundle")
  .option("--without-node", "leave Node out, for machines that have it")
  .parse()
  .opts<{ out: string; withoutNode?: boolean }>();

try {
  await makeBundle(PROJECT, resolve(options.out), options.withoutNode !== true, (line) => console.log(line));
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`bundle: ${error.message}`);
  process.exitCode = error.exitCode;
}
