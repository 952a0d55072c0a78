import * as tf from "@tensorflow/tfjs";
import { LAWS } from "../../../../src/laws/all.ts";
import type { SelectionCase } from "../../../../src/laws/generators/case.ts";
import { lawsFor } from "../../../../src/laws/judge.ts";
import type { MethodFactory } from "../../../../src/laws/selecting.ts";
import { createMethod } from "../../../../src/methods/registry.ts";
import { methodOf } from "../model/own-pruner.ts";
import type { DrawnCall, ToldVerdict } from "../model/protocol.ts";
import type { OpenProgram } from "./interpreter.ts";

/** Cases of each law; laws over whole models take a share of them. */
const RUNS = 60;

/** The laws, in the order in which they are judged. */
export const SENTENCES: readonly string[] = LAWS.map(({ sentence }) => sentence);

/**
 * Tries one law on a program.
 *
 * @throws NuwaError when the program did not return in time on a case, so that nothing is decided
 */
export function judge(program: OpenProgram, law: number): ToldVerdict {
  const definition = methodOf(program.call);
  const make: MethodFactory = (config, request) => createMethod(definition, config, request);
  const [judged] = lawsFor(make, { law: SENTENCES[law], runs: RUNS });
  const { sentence, status, tries, broken } = judged.judge();
  // After a call that was stopped all others fail, so that what looks like a counterexample is none: say why.
  if (program.overdue) program.call(undefined);
  if (!broken) return { sentence, status, tries };
  const { message, picture, smallest } = broken;
  const calls = isSelectionCase(smallest) ? callsOf(program, law, smallest) : undefined;
  return { sentence, status, tries, broken: { message, picture, calls } };
}

/** Whether a case is about selections, and not about whole passes. */
const isSelectionCase = (smallest: unknown): smallest is SelectionCase =>
  (smallest as Partial<SelectionCase>).scores !== undefined;

/** What a law asks of a program on a case: the case itself, and where the law compares two, the other one. */
function callsOf(program: OpenProgram, law: number, input: SelectionCase): DrawnCall[] {
  const seen: DrawnCall[] = [];
  const definition = methodOf((shown) => {
    const { grid, keep, attention } = shown;
    const call = { grid, keep, scores: [...attention], regionSize: input.regionSize };
    // Where it throws, it has kept nothing.
    const place = seen.push({ ...call, kept: [] }) - 1;
    const returned = program.call(shown);
    seen[place] = { ...call, kept: cellsIn(returned, attention.length) };
    return returned;
  });
  tf.tidy(() => {
    try {
      LAWS[law].holds((config, request) => createMethod(definition, config, request))(input);
    } catch {
      // It is broken: its message is known already.
    }
  });
  // Before each selection a method is asked for a single patch, to find out where it drops patches.
  return seen.filter((_, i) => i % 2 === 1 || i === seen.length - 1);
}

/** The patches of what a program returned, which may be anything. */
function cellsIn(returned: unknown, total: number): number[] {
  if (!Array.isArray(returned)) return [];
  return returned.filter((cell) => Number.isInteger(cell) && cell >= 0 && cell < total);
}
