import { effect, type ReadonlySignal, signal } from "@preact/signals";

/** A value that is computed in the worker and follows what it is computed from. */
export interface Live<T> {
  /** The last one that was computed; it may be of an earlier input while `busy`. */
  readonly value?: T;
  /** Why there is none for the current input, in a line. */
  readonly problem?: string;
  readonly busy: boolean;
  /** Whether the value came with the page instead of being computed in it. */
  readonly built?: boolean;
}

/**
 * Computes anew whenever a signal that `input` reads has changed. What was overtaken is thrown away.
 *
 * @param input undefined: there is nothing to compute yet
 * @param pause milliseconds of quiet before work starts
 * @param first the value before anything was computed; it follows the signals that it reads
 */
export function live<Input, T>(
  input: () => Input | undefined,
  work: (input: Input) => Promise<T>,
  { pause = 0, first }: { readonly pause?: number; readonly first?: () => T | undefined } = {},
): ReadonlySignal<Live<T>> {
  const state = signal<Live<T>>(first ? { value: first(), busy: false, built: true } : { busy: false });
  let newest = 0;
  let running: Promise<unknown> = Promise.resolve();
  effect(() => {
    const given = input();
    const own = ++newest;
    if (given === undefined) {
      if (first) state.value = { value: first(), busy: false, built: true };
      return undefined;
    }
    const timer = setTimeout(() => {
      state.value = { ...state.peek(), busy: true };
      // One at a time: what waits and is overtaken is never begun.
      running = running.then(async () => {
        if (own !== newest) return;
        try {
          const value = await work(given);
          if (own === newest) state.value = { value, busy: false };
        } catch (error) {
          if (own === newest)
            state.value = { problem: error instanceof Error ? error.message : String(error), busy: false };
        }
      });
    }, pause);
    return () => clearTimeout(timer);
  });
  return state;
}
