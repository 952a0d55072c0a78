import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * Files that need a process of their own: they end processes, exhaust the heap, change the environment or a constant,
 * or load backends in other ways. All others choose their backend and free their tensors, and may share a process, one
 * by one.
 */
const ALONE = [
  "architecture",
  "backend/{memory,native*,webgpu*}",
  "backend/agreement/{agreement,float64,traps}",
  "backend/wasm/{heap,matmul,packing,prepare}",
  "browser/report",
  "bundle",
  "cli/{doctor,interruption,process}",
  "eval/run/harness",
  "package/*",
  "properties/attention",
  "style",
  "train/engine/kill",
].map((file) => `test/${file}.test.ts`);

/** What holds for every run of tests; `npm run test:deep` and `test:replay` take it, too. */
export const EVERY_RUN = {
  setupFiles: ["test/setup.ts"],
  // Processes, not threads: the native backend cannot be loaded twice in one process.
  pool: "forks",
  // As Node itself imports them: vitest's own way to look a name up in a CommonJS module, tf's, is slow.
  deps: { interopDefault: false },
  // All cores up to four: a process may take 2 GiB, and what uses one core well gains nothing from more.
  maxWorkers: Math.min(4, availableParallelism()),
  // Some tests run the command line or the cpu backend; on a busy machine that takes its time.
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    ...EVERY_RUN,
    projects: [
      // Files that share a process load the modules once, which is a third of what most of them take.
      {
        extends: true,
        test: {
          name: "shared",
          include: ["test/**/*.test.ts"],
          exclude: [...ALONE, "test/documents/**", "test/browser/page*.test.ts"],
          isolate: false,
        },
      },
      // Each file has a process of its own: it may end it, exhaust its heap or change its environment.
      { extends: true, test: { name: "alone", include: ALONE } },
    ],
  },
});
