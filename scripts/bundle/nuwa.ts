import { main } from "../../src/cli/main.ts";

/** What bin/nuwa.js does, for sources that are compiled already. */
process.exitCode = await main(process.argv.slice(2));
