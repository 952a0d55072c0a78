import { effect, type ReadonlySignal, signal, untracked } from "@preact/signals";

/** A value that is computed in the worker and follows what it is computed from. */
export interface Live<T> {
  /** The last one that was computed. */
  readonly value?: T;
  /** Whether the value is of an earlier input: it says nothing about what the page shows now. */
  readonly old?: boolean;
  /** Why there is none for the current input, in a line. */
  readonly problem?: string;
  /** Whether the value for the current input is being computed, or about to be. */
  readonly busy: boolean;
  /** Whether the value came with the page instead of being computed in it. */
  readonly built?: boolean;
}

/** Nothing is known, and nothing computed. */
export const IDLE = { busy: false } as const satisfies Live<never>;

/** A value that belongs to the current input; undefined while there is none. */
export function current<T>({ value, old }: Live<T>): T | undefined {
  return old ? undefined : value;
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
  const begun = (): Live<T> => (first ? { value: first(), busy: false, built: true } : IDLE);
  const state = signal<Live<T>>(begun());
  let newest = 0;
  let running: Promise<unknown> = Promise.resolve();
  effect(() => {
    const given = input();
    const own = ++newest;
    if (given === undefined) {
      state.value = begun();
      return undefined;
    }
    // At once, not only when work starts: nothing may stand for a moment beside an input that it does not belong to.
    const { value: last, built } = state.peek();
    const stands = last === undefined || (built === true && last === untracked(() => first?.()));
    state.value = { value: last, busy: true, old: !stands, ...(stands && built && { built }) };
    const timer = setTimeout(() => {
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
