#!/usr/bin/env node
// Runs the TypeScript sources as they are: what you change in src/ is what runs next.
import { register as registerCommonJs } from "tsx/cjs/api";
import { register } from "tsx/esm/api";

// A reader that has seen enough (`| head`) is no error; a full disk is one, but no crash.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error) => {
    if (error.code === "EPIPE") process.exit(0);
    if (stream === process.stdout) process.stderr.write(`nuwa: the output cannot be written (${error.code}).\n`);
    process.exit(1);
  });
}

// A method file of a user may lie in a folder whose package.json says nothing of modules.
registerCommonJs();
register();
const { main } = await import("../src/cli/main.ts");
process.exitCode = await main(process.argv.slice(2));
