import { runProcess } from "../../src/cli/process.ts";

/** What bin/nuwa.js does, for sources that are compiled already. */
await runProcess(process.argv.slice(2));
