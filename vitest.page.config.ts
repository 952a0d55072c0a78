import { defineConfig } from "vitest/config";
import { EVERY_RUN } from "./vitest.config.ts";

/** The page one can play with, built once and opened in a browser. */
export default defineConfig({
  test: {
    ...EVERY_RUN,
    include: ["test/browser/page*.test.ts"],
    globalSetup: ["test/browser/page-build.ts"],
    // Times are measured: nothing runs beside them.
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
