import type fc from "fast-check";

/** An input of a parser. */
export interface Case {
  /** The file, as the parser gets it. */
  readonly bytes: Uint8Array;
  /** The value that must come, where the generator knows it: then a refusal is a failure, too. */
  readonly wanted?: unknown;
}

/** A parser under attack. */
export interface Target {
  readonly name: string;
  /** How many cases `npm test` tries. */
  readonly cases: number;
  readonly inputs: fc.Arbitrary<Case>;
  /** Calls the parser. @param path a file with the bytes, in a folder of its own */
  read(path: string): unknown;
  /**
   * What an independent decoder makes of any bytes, damaged ones too; it is asked for those that the parser takes.
   *
   * @returns undefined where it cannot tell
   */
  decode?(bytes: Buffer): unknown;
  /** Whether a value is the wanted one; deep equality unless given. */
  same?(value: unknown, wanted: unknown): boolean;
  /** Processor seconds that an input of `npm test`'s size may take; 2 unless given. */
  readonly seconds?: number;
}
