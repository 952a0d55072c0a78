import { effect, type Signal } from "@preact/signals";

/** A signal that has a name in the address of the page. */
export interface Named<T> {
  readonly name: string;
  readonly signal: Signal<T>;
  /** @returns undefined for a text that means no value of this signal */
  readonly read: (text: string) => T | undefined;
  readonly write: (value: T) => string;
}

/** The address of the page, which follows its state. */
export interface Address {
  /** What the address said when the page was opened and no signal could take, as it stood there: `budget=200`. */
  readonly passedOver: readonly string[];
  /** The whole address as the state is now, with a fragment such as `#step-4`. */
  link(fragment: string): string;
  /** Sets all signals to what they began with. */
  startAgain(): void;
  /** Ends the entry of the history that is being written: the next change of the same setting begins a new one. */
  endEntry(): void;
}

/** Milliseconds without a change after which the address is written. */
const QUIET = 150;

/** The most characters of a field that are repeated to the reader. */
const REPEATED = 40;

const shortened = (text: string) => (text.length > REPEATED ? `${text.slice(0, REPEATED)}…` : text);

/**
 * Keeps the address and the signals alike: only those that differ from what they began with are named in it, and what
 * it says wrongly is passed over. Changes of one setting in a row, such as those of a drag, share an entry of the
 * browser's history; a change of another begins a new one. So Back takes back what was set last.
 *
 * @param named the first of those that change together is what was set: a new seed takes the reader's shapes away, too
 */
export function followInAddress(named: readonly Named<never>[]): Address {
  const begun = named.map(({ signal, write }) => ({ value: signal.peek(), text: write(signal.peek()) }));

  /** The texts that are not as they began, by name. */
  function fieldsNow(): URLSearchParams {
    const fields = new URLSearchParams();
    named.forEach(({ name, signal, write }, i) => {
      const text = write(signal.value);
      if (text !== begun[i].text) fields.set(name, text);
    });
    return fields;
  }

  /** Sets the signals to what fields say, and those that they do not name to what they began with. */
  function setTo(fields: URLSearchParams): void {
    named.forEach(({ name, signal, read, write }, i) => {
      const text = fields.get(name);
      const value = (text === null ? undefined : read(text)) ?? begun[i].value;
      // What is written alike stays: a program that is too long for the address would be lost.
      if (write(value as never) !== write(signal.peek())) signal.value = value as never;
    });
  }

  const opened = new URLSearchParams(location.search);
  const passedOver = [...opened]
    .filter(([name, text]) => named.find((one) => one.name === name)?.read(text) === undefined)
    .map(([name, text]) => shortened(`${name}=${text}`));
  setTo(opened);
  let written = fieldsNow();
  /** The setting that the current entry of the history was made for. */
  let entry: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const addressOf = (fields: URLSearchParams, fragment: string) => {
    const search = fields.toString();
    return `${location.pathname}${search && `?${search}`}${fragment}`;
  };
  // What the address said wrongly goes.
  history.replaceState(null, "", addressOf(written, location.hash));

  function write(): void {
    clearTimeout(timer);
    const fields = fieldsNow();
    const changed = named.find(({ name }) => fields.get(name) !== written.get(name))?.name;
    if (changed === undefined) return;
    const address = addressOf(fields, location.hash);
    if (changed === entry) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    written = fields;
    entry = changed;
  }

  effect(() => {
    fieldsNow();
    clearTimeout(timer);
    // Browsers take few changes of the address in a short time, and refuse more: a drag would be refused.
    timer = setTimeout(write, QUIET);
  });

  window.addEventListener("popstate", () => {
    const fields = new URLSearchParams(location.search);
    entry = undefined;
    // A jump to a step leaves the fields as they are, and what has not been written yet is not taken back.
    if (fields.toString() === written.toString()) return;
    clearTimeout(timer);
    setTo(fields);
    written = fieldsNow();
  });

  return {
    passedOver,
    link: (fragment) => `${location.origin}${addressOf(fieldsNow(), fragment)}`,
    startAgain: () => setTo(new URLSearchParams()),
    endEntry() {
      write();
      entry = undefined;
    },
  };
}
