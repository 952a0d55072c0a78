import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Area } from "./list.ts";
import type { Caught, Memory } from "./memory.ts";
import type { Mutation } from "./mutation.ts";
import type { Reach } from "./reach.ts";
import type { Copy } from "./workshop.ts";

/** What became of a mutation: who caught it, or what it survived. */
export type Verdict = { readonly caught: Caught } | { readonly survived: string };

/** What is thought of a test file that has not been timed. */
const UNKNOWN_SECONDS = 5;
/** What it takes to load a test file and what it imports. */
const LOADING_SECONDS = 1.5;
/** Test files are run in groups, each of about twice the seconds of the one before it: a failure ends the search. */
const FIRST_GROUP = 6;
/**
 * Test files are tried up to so many seconds of unbroken code in all: what a mistake is caught by only after these is
 * far from it, and the mistake should have a nearer test.
 */
const SEARCHED_SECONDS = 150;
/** How many times as long as unbroken code may broken code take, and how many seconds a group has at least. */
const PATIENCE = { factor: 10, least: 180 } as const;

/** What a trial needs to know of the project. */
export interface Workplace {
  readonly project: string;
  readonly reach: Reach;
  readonly memory: Memory;
}

/** Breaks the code of a copy and looks for a test that fails. */
export async function tryMutation(
  copy: Copy,
  mutation: Mutation,
  area: Area,
  { project, reach, memory }: Workplace,
): Promise<Verdict> {
  const tests = inOrder(mutation, area, { project, reach, memory });
  if (tests.length === 0) throw new Error(`no test reaches src/${mutation.file}.`);
  let tried = 0;
  for (const group of groupsOf(tests, memory)) {
    const usual = group.reduce((sum, test) => sum + (memory.secondsOf(test) ?? UNKNOWN_SECONDS), 0);
    const limit = Math.max(PATIENCE.least, PATIENCE.factor * usual);
    const { failed, timedOut, seconds } = await copy.broken(mutation, () => copy.test(group, limit));
    if (timedOut) return { survived: `${limit} s, in which ${group.join(", ")} did not end` };
    for (const [test, took] of seconds) if (memory.secondsOf(test) === undefined) memory.keepSeconds(test, took);
    tried += group.length;
    if (!failed) continue;
    await requirePassing(copy, failed.test, memory);
    memory.keepCaught(mutation, failed, copy.folder);
    return { caught: failed };
  }
  return { survived: `the ${tried} nearest tests of ${reach.testsOf(`src/${mutation.file}`).size}` };
}

/** Who caught it last, then the file's own test, then the nearest, then the quickest. */
function inOrder(mutation: Mutation, area: Area, { project, reach, memory }: Workplace): string[] {
  const distances = reach.testsOf(`src/${mutation.file}`);
  const last = memory.lastCaughtBy(mutation)?.test;
  const mirrored = `test/${mutation.file.replace(/\.ts$/, ".test.ts")}`;
  const [folder] = mutation.file.split("/");
  // Of tests as near as one another, those of the file's own folder go first.
  const rank = (test: string) => {
    if (test === last || test === mirrored) return test === last ? -1 : 0;
    return (distances.get(test) as number) - (test.startsWith(`test/${folder}/`) ? 0.5 : 0);
  };
  const seconds = (test: string) => memory.secondsOf(test) ?? UNKNOWN_SECONDS;
  return [...distances.keys()]
    .filter((test) => !area.byLaws || statesLaws(project, test))
    .sort((a, b) => rank(a) - rank(b) || seconds(a) - seconds(b));
}

function statesLaws(project: string, test: string): boolean {
  return test.startsWith("test/properties/") && readFileSync(join(project, test), "utf8").includes("\nlaw(");
}

/** The tests in groups, without those that would take too long. */
function groupsOf(tests: readonly string[], memory: Memory): string[][] {
  const groups: string[][] = [];
  let [room, size, searched] = [0, FIRST_GROUP / 2, 0];
  for (const test of tests) {
    const seconds = LOADING_SECONDS + (memory.secondsOf(test) ?? UNKNOWN_SECONDS);
    if (groups.length > 0 && searched + seconds > SEARCHED_SECONDS) continue;
    searched += seconds;
    if (room <= 0) {
      groups.push([]);
      size *= 2;
      room = size;
    }
    groups[groups.length - 1].push(test);
    room -= seconds;
  }
  return groups;
}

/** A test that fails says something of a mutation only if it passes without; it is then timed, too. */
async function requirePassing(copy: Copy, test: string, memory: Memory): Promise<void> {
  if (memory.secondsOf(test) !== undefined) return;
  const { failed, seconds } = await copy.test([test], PATIENCE.least * PATIENCE.factor);
  const took = seconds.get(test);
  if (failed || took === undefined) throw new Error(`${test} fails before any mutation: ${failed?.title}`);
  memory.keepSeconds(test, took);
}
