import { effect, type Signal } from "@preact/signals";

/** A signal that has a name in the address of the page. */
export interface Named<T> {
  readonly name: string;
  readonly signal: Signal<T>;
  /** @returns undefined for a text that means no value of this signal */
  readonly read: (text: string) => T | undefined;
  readonly write: (value: T) => string;
}

/** Sets signals to what the address says; what it says wrongly is passed over, and the signal stays as it is. */
export function readAddress(named: readonly Named<never>[], search: string): void {
  const fields = new URLSearchParams(search);
  for (const { name, signal, read } of named) {
    const text = fields.get(name);
    const value = text === null ? undefined : read(text);
    if (value !== undefined) signal.value = value;
  }
}

/** Milliseconds without a change after which the address is written. */
const QUIET = 150;

/** Keeps the address as the signals are: only those that differ from what they began with are named in it. */
export function followInAddress(named: readonly Named<never>[]): void {
  const begun = named.map(({ signal, write }) => write(signal.peek()));
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const fields = new URLSearchParams();
    named.forEach(({ name, signal, write }, i) => {
      const text = write(signal.value);
      if (text !== begun[i]) fields.set(name, text);
    });
    const search = fields.toString();
    clearTimeout(timer);
    // Browsers take few changes of the address in a short time, and refuse more: a drag would be refused.
    timer = setTimeout(() => {
      history.replaceState(null, "", `${location.pathname}${search && `?${search}`}${location.hash}`);
    }, QUIET);
  });
}
