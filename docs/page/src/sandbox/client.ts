import { signal } from "@preact/signals";
import { type Client, clientOf } from "../model/client.ts";
import type { LoadedFiles } from "../model/files.ts";

/** What a worker for a reader's programs is made of; it is there once the page has loaded. */
export const sandboxFiles = signal<LoadedFiles | undefined>(undefined);

let own: Client | undefined;
/** Counts the workers that were ended. */
let ended = 0;

/**
 * The worker that runs the programs of the reader: made when one is first run, from what is in memory.
 *
 * @throws Error where the page has not loaded yet, or the worker does not begin
 */
export async function sandbox(): Promise<Client> {
  const files = sandboxFiles.value;
  if (!files) throw new Error("the model is still loading. Run the program again in a moment.");
  own ??= clientOf(files.program, async (client) => {
    await client.ask("load", files.checkpoint);
    await client.ask("interpret", { wasm: files.interpreter });
  });
  const before = ended;
  try {
    await own.ask("tensors", {});
  } catch (error) {
    // Where it was ended meanwhile, another run may have begun the next one already.
    if (before === ended) stopSandbox("the worker did not begin.");
    throw error;
  }
  return own;
}

/** Ends what runs in it; the next program gets a new one. */
export function stopSandbox(line: string): void {
  ended++;
  own?.stop(line);
}

/**
 * Work that is ended where it takes too long.
 *
 * @throws Error with a line that says so
 */
export async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  const timer = setTimeout(() => stopSandbox(`stopped: it took longer than ${seconds} s.`), seconds * 1000);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
