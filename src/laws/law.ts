import type fc from "fast-check";
import type { MethodFactory } from "./selecting.ts";

/**
 * A law about any method, stated in a sentence. The sentences are those of docs/invariants.md.
 *
 * @example
 * import fc from "fast-check";
 * const named: Law<number> = {
 *   sentence: "What a method is called does not depend on its budget.",
 *   cases: fc.integer({ min: 1, max: 9 }),
 *   share: 1,
 *   holds: (make) => (tokens) => {
 *     const { name } = make(model.config, { average: { tokens } });
 *     if (name !== make(model.config, {}).name) throw new Error(`with ${tokens} tokens it is called ${name}.`);
 *   },
 *   draw: (_, tokens) => `${tokens} tokens`,
 * };
 *
 * @typeParam Case what it is tried on
 */
export interface Law<Case> {
  readonly sentence: string;
  /** What the law is tried on. */
  readonly cases: fc.Arbitrary<Case>;
  /** Whether it says nothing about a method that ranks patches by no score. */
  readonly aboutScores?: true;
  /** Share of the cases that are tried: below 1 where each runs a whole model. */
  readonly share: number;
  /** Throws when a case breaks the law, with a message that says what was expected. */
  readonly holds: (make: MethodFactory) => (input: Case) => void;
  /** The case as text: its grid with the cells that the method keeps, and all other fields. */
  readonly draw: (make: MethodFactory, input: Case) => string;
}

/** What became of a law. */
export interface Verdict {
  readonly sentence: string;
  readonly status: "keeps" | "breaks" | "does not apply";
  /** Cases that were tried, before the smallest one was looked for. */
  readonly tries: number;
  /** Of a broken law, what else is known. */
  readonly broken?: BrokenLaw;
}

/** The smallest case that breaks a law. */
export interface BrokenLaw {
  readonly smallest: unknown;
  /** Why it breaks the law. */
  readonly message: string;
  /** The case as text; its grid shows kept, doubled and missing cells. */
  readonly picture: string;
  /** What replays exactly this case, see {@link JudgeOptions}. */
  readonly replay: { readonly seed: number; readonly path: string };
}

/** How much is tried. */
export interface JudgeOptions {
  /** Seed of the cases (2602). */
  readonly seed?: number;
  /** Cases of each law (100); laws over whole models take a share of them. */
  readonly runs?: number;
  /** Only the law with this sentence. */
  readonly law?: string;
  /** With `law` and `seed`: only the case at this path, as a broken law reports it. */
  readonly path?: string;
}
