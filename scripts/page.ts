/**
 * Builds the page that one can play with into `out/page`; `serve` also serves it to this machine, until it is ended.
 *
 * usage: npm run page:build; npm run page
 */
import { buildPage, PAGE_FOLDER } from "./page/build.ts";
import { serveFolder } from "./page/serve.ts";

try {
  buildPage();
  if (process.argv[2] === "serve") {
    const { address } = await serveFolder(PAGE_FOLDER);
    console.log(`${address} shows the page; Ctrl+C ends it.`);
  } else console.log("out/page: the page, for any host of static files.");
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
