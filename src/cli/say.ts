import { printable } from "../core/errors.ts";

/** A line of output: a label in a column of its own, and a text, which may hold anything. */
export function say(label: string, text: string): void {
  process.stdout.write(printable(`${label.padEnd(10)} ${text}\n`));
}
