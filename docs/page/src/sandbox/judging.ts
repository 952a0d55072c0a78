import { LAWS } from "../../../../src/laws/all.ts";
import type { SelectionCase } from "../../../../src/laws/generators/case.ts";
import { lawsFor } from "../../../../src/laws/judge.ts";
import { type MethodFactory, selectorFor } from "../../../../src/laws/selecting.ts";
import { createMethod } from "../../../../src/methods/registry.ts";
import { methodOf } from "../model/own-pruner.ts";
import type { DrawnCase, ToldVerdict } from "../model/protocol.ts";
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
  return { sentence, status, tries, broken: { message, picture, drawn: drawnCase(make, smallest) } };
}

/** What can be drawn of a case; undefined where it is about whole passes. */
function drawnCase(make: MethodFactory, smallest: unknown): DrawnCase | undefined {
  const { grid, scores, keep, regionSize } = smallest as Partial<SelectionCase>;
  if (!grid || !scores || keep === undefined || regionSize === undefined) return undefined;
  return { grid, scores: [...scores], keep, regionSize, kept: keptOf(make, { grid, scores, keep, regionSize }) };
}

/** Nothing where the pruner fails on the case, which the message says. */
function keptOf(make: MethodFactory, { scores, grid, keep, regionSize }: Omit<DrawnCase, "kept">): number[] {
  try {
    return selectorFor(make)(scores, grid, { keep, regionSize });
  } catch {
    return [];
  }
}
