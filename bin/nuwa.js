#!/usr/bin/env node
import { existsSync } from "node:fs";

// In a clone the TypeScript sources run as they are: what is changed in src/ is what runs next. The package has
// compiled modules instead.
const inClone = existsSync(new URL("../src/cli/main.ts", import.meta.url));
if (inClone) (await import("tsx/esm/api")).register();
const { runProcess } = await import(inClone ? "../src/cli/process.ts" : "../dist/cli/process.js");
await runProcess(process.argv.slice(2));
