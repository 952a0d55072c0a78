/**
 * The laws of docs/invariants.md for any method: `judge(method)` tries them all, `lawsFor(method)` gives them one by
 * one
 * to any test runner. They run in a browser, too.
 */

export {
  DEFAULT_RUNS,
  DEFAULT_SEED,
  type JudgedLaw,
  judge,
  lawsFor,
  report,
} from "./laws/judge.ts";
export type { BrokenLaw, JudgeOptions, Law, Verdict } from "./laws/law.ts";
export type { MethodFactory } from "./laws/selecting.ts";
