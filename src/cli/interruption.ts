import type { Output } from "../train/report.ts";

/** Whether the user wants to stop; `end` stops listening. */
export interface Interruption {
  happened(): boolean;
  end(): void;
}

/**
 * Listens for Ctrl-C (and SIGTERM): the first lets the work in hand finish, a second one ends the process at
 * once. What was written before stays whole.
 *
 * @param notice shown at the first
 */
export function watchInterruptions(output: Output, notice: string): Interruption {
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) process.exit(130);
    interrupted = true;
    output.write(`\n${notice}\n`);
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return {
    happened: () => interrupted,
    end() {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
    },
  };
}
