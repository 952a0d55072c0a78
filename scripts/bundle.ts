/**
 * Makes one folder that runs on a Linux machine with a GPU and neither npm nor network: see docs/bundle.md.
 *
 *     npm run bundle [-- --out FOLDER] [-- --without-node]
 *     npm run bundle -- --cuda [--out FOLDER]     in parts, with TensorFlow and CUDA: see docs/bundle-cuda.md
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { NuwaError } from "../src/core/errors.ts";
import { makeBundle } from "./bundle/contents.ts";
import { makeCudaBundle } from "./bundle/cuda.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

const options = new Command("npm run bundle --")
  .description("make one folder with program, GPU backend, Node and a small checkpoint")
  .option("--out <folder>", "where it goes; an older bundle there is replaced (default: out/bundle, out/bundle-cuda)")
  .option("--without-node", "leave Node out, for machines that have it")
  .addOption(new Option("--cuda", "with TensorFlow and CUDA, in parts of at most 60 MB").conflicts("withoutNode"))
  .parse()
  .opts<{ out?: string; withoutNode?: boolean; cuda?: boolean }>();
const say = (line: string) => console.log(line);

try {
  if (options.cuda) await makeCudaBundle(PROJECT, resolve(options.out ?? "out/bundle-cuda"), say);
  else await makeBundle(PROJECT, resolve(options.out ?? "out/bundle"), options.withoutNode !== true, say);
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`bundle: ${error.message}`);
  process.exitCode = error.exitCode;
}
