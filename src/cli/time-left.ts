import { duration, type Output } from "../train/engine/progress-report.ts";

/** Milliseconds between plain lines, where no line can be written over: the log of a batch job stays short. */
export const PLAIN_EVERY = 60_000;

/** What {@link timeLeft} counts. */
export interface Counted {
  /** "answers" */
  readonly what: string;
  /** How many there were at the start. */
  readonly before: number;
  /** Where no line can be written over: whether one says that all is done, however soon. */
  readonly endsPlain: boolean;
}

/**
 * Shows how much of something is done, with the time left: as one updating line on a terminal, elsewhere as a line a
 * minute.
 *
 * @param now milliseconds; a test has its own
 */
export function timeLeft(
  output: Output,
  { what, before, endsPlain }: Counted,
  now: () => number = () => performance.now(),
): (done: number, total: number) => void {
  const start = now();
  let printed = start;
  let over = false;
  return (done, total) => {
    const time = now();
    const isDue = output.isTTY || time - printed >= PLAIN_EVERY || (endsPlain && done === total);
    if (over || !isDue) return;
    printed = time;
    over = done === total;
    const secondsEach = (time - start) / 1000 / (done - before);
    const line = `${done}/${total} ${what}  ${duration((total - done) * secondsEach)} left`;
    output.write(output.isTTY ? `\r${line}\u001b[K${over ? "\n" : ""}` : `${line}\n`);
  };
}
