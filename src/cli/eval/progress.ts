import type { EvaluationObserver } from "../../eval/run/evaluate.ts";
import type { Output } from "../../train/engine/progress-report.ts";
import { timeLeft } from "../time-left.ts";

/**
 * Shows how far an evaluation is, with the time left: as one updating line on a terminal, elsewhere as a line
 * a minute and one at the end. Notes are printed in lines of their own.
 *
 * @param before answers that were there at the start
 * @param now milliseconds; a test has its own
 */
export function terminalProgress(
  output: Output,
  before: number,
  now: () => number = () => performance.now(),
): Pick<EvaluationObserver, "answered" | "missed"> {
  return {
    answered: timeLeft(output, { what: "answers", before, endsPlain: true }, now),
    missed(hint) {
      output.write(`${output.isTTY ? "\r\u001b[K" : ""}${NOTE}${hint}\n`);
    },
  };
}

/** How lines begin that are neither progress nor an error. */
export const NOTE = "note: ";
