import { defineConfig } from "vitest/config";
import { EVERY_RUN } from "./vitest.config.ts";

/** What documents show, run: examples of every export, and the notebooks. */
export default defineConfig({
  test: { ...EVERY_RUN, include: ["test/documents/**/*.test.ts"], testTimeout: 600_000 },
});
