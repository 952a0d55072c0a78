import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../../src/io/files.ts";
import type { Mutation } from "./mutation.ts";

/** Which test caught a mutation. */
export interface Caught {
  /** The test file. */
  readonly test: string;
  /** The name of the first test that failed in it; of a law its sentence. */
  readonly title: string;
}

interface Stored {
  /** Seconds that a test file takes on code that is not broken. */
  readonly seconds: Record<string, number>;
  readonly caught: Record<string, Caught & { readonly state: string }>;
}

/** What earlier runs found out, kept in a file, so that a run that was stopped goes on where it was. */
export class Memory {
  #stored: Stored;

  constructor(
    private readonly path: string,
    private readonly project: string,
  ) {
    this.#stored = this.#read();
  }

  /**
   * Who caught a mutation, as long as the file that is broken and the test that caught it are what they were;
   * undefined where nobody did or they have changed.
   */
  caughtBy(mutation: Mutation): Caught | undefined {
    const found = this.lastCaughtBy(mutation);
    return found && found.state === stateOf(mutation, found.test, this.project) ? found : undefined;
  }

  /** Who caught a mutation last, whatever has changed since: the test to try first. */
  lastCaughtBy(mutation: Mutation): (Caught & { readonly state: string }) | undefined {
    return this.#stored.caught[`${mutation.file}: ${mutation.what}`];
  }

  secondsOf(test: string): number | undefined {
    return this.#stored.seconds[test];
  }

  keepSeconds(test: string, seconds: number): void {
    this.#change(({ seconds: known }) => {
      known[test] = seconds;
    });
  }

  /** @param folder the copy of the project in which it was caught */
  keepCaught(mutation: Mutation, caught: Caught, folder: string): void {
    const state = stateOf(mutation, caught.test, folder);
    this.#change((stored) => {
      stored.caught[`${mutation.file}: ${mutation.what}`] = { ...caught, state };
    });
  }

  #read(): Stored {
    return existsSync(this.path) ? JSON.parse(readFileSync(this.path, "utf8")) : { seconds: {}, caught: {} };
  }

  /** Another run may have written meanwhile: what it found is kept. */
  #change(change: (stored: Stored) => void): void {
    this.#stored = this.#read();
    change(this.#stored);
    writeAtomically(this.path, `${JSON.stringify(this.#stored, null, 1)}\n`);
  }
}

/** A fingerprint of a mutation, the file that it breaks, and a test. */
function stateOf({ file, from, to }: Mutation, test: string, project: string): string {
  const hash = createHash("sha256").update(JSON.stringify([from, to]));
  for (const name of [`src/${file}`, test]) {
    const path = join(project, name);
    hash.update(existsSync(path) ? readFileSync(path) : "none");
  }
  return hash.digest("hex");
}
