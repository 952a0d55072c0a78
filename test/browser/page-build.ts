import type { TestProject } from "vitest/node";
import { buildPage, CAN_BUILD, PAGE_FOLDER } from "../../scripts/page/build.ts";
import { serveFolder } from "../../scripts/page/serve.ts";
import { BROWSER } from "./chromium.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the built page is served; empty where it cannot be built or opened. */
    page: string;
    /** Why not, for the names of tests that are skipped. */
    without: string;
  }
}

/** Builds and serves the page for all files of tests. */
export default async function setUp({ provide }: TestProject): Promise<(() => void) | undefined> {
  const without = [
    BROWSER === undefined && "no chromium on the PATH",
    !CAN_BUILD && "docs/page/node_modules is not there: npm --prefix docs/page ci",
  ].filter((reason) => reason !== false);
  provide("without", without.length > 0 ? ` (skipped: ${without.join("; ")})` : "");
  if (without.length > 0) {
    provide("page", "");
    return undefined;
  }
  buildPage();
  const { address, close } = await serveFolder(PAGE_FOLDER);
  provide("page", address);
  return close;
}
