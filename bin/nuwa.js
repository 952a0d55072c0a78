#!/usr/bin/env node
import { existsSync } from "node:fs";

// A reader that has seen enough (`| head`) is no error; a full disk is one, but no crash.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error) => {
    if (error.code === "EPIPE") process.exit(0);
    if (stream === process.stdout) process.stderr.write(`nuwa: the output cannot be written (${error.code}).\n`);
    process.exit(1);
  });
}

// In a clone the TypeScript sources run as they are: what is changed in src/ is what runs next. The package has
// compiled modules instead.
const inClone = existsSync(new URL("../src/cli/main.ts", import.meta.url));
if (inClone) (await import("tsx/esm/api")).register();
const { main } = await import(inClone ? "../src/cli/main.ts" : "../dist/cli/main.js");
process.exitCode = await main(process.argv.slice(2));
