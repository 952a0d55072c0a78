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
