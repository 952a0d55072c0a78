import { computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";

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

/** The value alone: what reads it follows no change of what is said of it. */
export function valueIn<T>(of: ReadonlySignal<Live<T>>): ReadonlySignal<T | undefined> {
  return computed(() => of.value.value);
}

function alike<T>(one: Live<T>, other: Live<T>): boolean {
  const names = ["value", "old", "problem", "busy", "built"] as const;
  return names.every((name) => one[name] === other[name]);
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
  let isRunning = false;
  /** What is to be begun when the work under way ends. */
  let next: (() => void) | undefined;

  /** One at a time: what waits and is overtaken is never begun. */
  async function begin(given: Input, own: number): Promise<void> {
    if (own !== newest) return;
    if (isRunning) {
      next = () => begin(given, own);
      return;
    }
    isRunning = true;
    try {
      const value = await work(given);
      if (own === newest) state.value = { value, busy: false };
    } catch (error) {
      if (own === newest)
        state.value = { problem: error instanceof Error ? error.message : String(error), busy: false };
    }
    isRunning = false;
    const then = next;
    next = undefined;
    then?.();
  }

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
    const now = { value: last, busy: true, old: !stands, ...(stands && built && { built }) };
    // Where a move follows upon a move nothing is drawn anew.
    if (!alike(now, state.peek())) state.value = now;
    if (pause === 0) {
      // Before the page is drawn, which a microtask does: the worker computes meanwhile.
      untracked(() => begin(given, own));
      return undefined;
    }
    const timer = setTimeout(begin, pause, given, own);
    return () => clearTimeout(timer);
  });
  return state;
}
