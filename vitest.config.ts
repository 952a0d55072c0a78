import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    // Processes, not threads: the native backend cannot be loaded twice in one process. Each file has a
    // process of its own, so that files share neither the current backend nor its tensors.
    pool: "forks",
    // All cores up to four: a process may take 2 GiB, and what uses one core well gains nothing from more.
    maxWorkers: Math.min(4, availableParallelism()),
    // Some tests run the command line or the cpu backend; on a busy machine that takes its time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
