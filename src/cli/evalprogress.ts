import type { EvaluationObserver } from "../eval/evaluate.ts";
import { duration, type Output } from "../train/report.ts";

/** One updating line with the time left, on a terminal; nothing elsewhere. */
export function terminalProgress(output: Output, before: number): Pick<EvaluationObserver, "answered"> {
  const start = performance.now();
  return {
    answered(done, total) {
      if (!output.isTTY) return;
      const secondsEach = (performance.now() - start) / 1000 / (done - before);
      const left = duration((total - done) * secondsEach);
      output.write(`\r${done}/${total} answers  ${left} left\u001b[K${done === total ? "\n" : ""}`);
    },
  };
}

/**
 * Watches for Ctrl-C and a scheduler's SIGTERM. The first one is remembered; a second one ends the process at once.
 *
 * @param first called at the first one
 */
export function watchInterruptions(first: () => void): { happened(): boolean; end(): void } {
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) process.exit(130);
    interrupted = true;
    first();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  // A worker whose parent was killed must not write on beside the workers of the next run.
  process.on("disconnect", interrupt);
  return {
    happened: () => interrupted,
    end() {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
      process.off("disconnect", interrupt);
    },
  };
}
