import type { TrainObserver } from "./loop.ts";
import type { Stage } from "./stage.ts";
import type { Progress, StepRecord } from "./training-state.ts";

/** Where the lines of a training go. */
export interface Output {
  write(text: string): void;
  /** Whether a line may be written over. */
  readonly isTTY?: boolean;
}

/** Steps between plain lines, where no line can be written over. */
const PLAIN_EVERY = 20;

/** Shows a training as one updating line with the time left, or as plain lines where that cannot be. */
export function terminalReport(output: Output): TrainObserver {
  let recent: number[] = [];
  return {
    step(record: StepRecord, stage: Stage, secondsPerStep: number) {
      recent = [...recent.slice(1 - PLAIN_EVERY), record.loss];
      const { steps } = stage.recipe;
      const mean = recent.reduce((sum, loss) => sum + loss, 0) / recent.length;
      const left = duration((steps - record.step) * secondsPerStep);
      const line =
        `${stage.name} ${record.step}/${steps}  loss ${mean.toFixed(3)}  ` +
        `${secondsPerStep.toFixed(2)} s/step  ${left} left`;
      if (output.isTTY) output.write(`\r${line}\u001b[K`);
      else if (record.step % PLAIN_EVERY === 0 || record.step === steps) output.write(`${line}\n`);
    },
    figures(stage, step, figures) {
      const list = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(3)}`);
      output.write(`${output.isTTY ? "\r\u001b[K" : ""}${stage.name} after ${step}: ${list.join("  ")}\n`);
    },
    saved(folder: string, { stage, step }: Progress) {
      if (!output.isTTY) output.write(`saved in ${folder} (stage ${stage}, step ${step})\n`);
    },
  };
}

/** Seconds as "1 h 5 min", "5 min" or "12 s". */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
