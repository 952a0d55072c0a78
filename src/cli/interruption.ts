import { NuwaError } from "../core/errors.ts";

/** Whether the user wants to stop; `end` stops listening. */
export interface Interruption {
  happened(): boolean;
  end(): void;
}

/**
 * Listens for Ctrl-C and a scheduler's SIGTERM: the first lets the work in hand finish, a second one ends the
 * process at once. What was written before stays whole.
 *
 * @param first called at the first one
 */
export function watchInterruptions(first: () => void): Interruption {
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
  // It may have been killed before we listened.
  if (process.connected === false) interrupt();
  return {
    happened: () => interrupted,
    end() {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
      process.off("disconnect", interrupt);
    },
  };
}

/**
 * An interruption as an error: no success, so that a scheduler or a script does not take what was stopped for done.
 *
 * @param next the command that goes on
 * @returns an error with exit code 1
 */
export function stopped(next: string): NuwaError {
  return new NuwaError(`stopped; ${next} goes on where it was.`);
}
