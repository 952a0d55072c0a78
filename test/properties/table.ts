import fc from "fast-check";
import { type SelectionCase, selectionCases } from "../../src/laws/generators/selections.ts";
import * as laws from "../../src/laws/selection.ts";
import { METHOD_NAMES } from "../../src/methods/registry.ts";
import { selectorOf } from "./method-selectors.ts";
import type { Selector } from "./selectors.ts";
import { DEFAULT_SEED } from "./settings.ts";

/** A row of the table. */
interface Row {
  readonly law: laws.SelectionLaw;
  readonly cases: fc.Arbitrary<SelectionCase>;
  /** Whether the law says nothing about a method that ranks patches by no score. */
  readonly aboutScores?: true;
}

const any = selectionCases({ max: 12 });
const distinct = selectionCases({ max: 12, kind: "distinct" });

/** The table "who keeps which law" of docs/invariants.md: its laws by the names they have there. */
const TABLE: Readonly<Record<string, Row>> = {
  "exactly k patches, none twice": { law: laws.keepsExactlyK, cases: any },
  "only the order of scores counts": { law: laws.seesOnlyOrder, cases: any, aboutScores: true },
  "raising a kept score keeps it": { law: laws.keepsWhatRises, cases: any, aboutScores: true },
  "the best of each region": { law: laws.keepsTheBestOfARegion, cases: any, aboutScores: true },
  "transposes with the grid": { law: laws.transposes, cases: distinct, aboutScores: true },
  "mirrors with the grid": { law: laws.mirrors, cases: distinct, aboutScores: true },
  "at most n in a region": { law: laws.holdsAtMostN, cases: any },
  "covers min(k, #regions) when n = 1": { law: laws.spreadsSingles, cases: any },
  "covering radius": { law: laws.staysWithinTheRadius, cases: any },
  "row and column gaps": { law: laws.staysWithinTheGaps, cases: any },
  "star discrepancy": { law: laws.staysWithinTheDiscrepancy, cases: any },
  "mean distance": { law: laws.staysWithinTheMeanDistance, cases: any },
};

/** Enough for every law that someone breaks to be seen broken. */
const TRIES = 500;

/** The table as Markdown. Every method of the registry is in it. */
export function whoKeepsWhichLaw(): string {
  const columns = METHOD_NAMES.map((name) => {
    const select = selectorOf(name);
    return { name, select, ranks: ranksByScores(select) };
  });
  return [
    `| law | ${METHOD_NAMES.join(" | ")} |`,
    `| --- |${" --- |".repeat(METHOD_NAMES.length)}`,
    ...Object.entries(TABLE).map(([name, row]) => {
      const marks = columns.map(({ select, ranks }) => {
        if (row.aboutScores && !ranks) return "–";
        return holdsFor(row.cases, row.law(select)) ? "keeps" : "**breaks**";
      });
      return `| ${name} | ${marks.join(" | ")} |`;
    }),
  ].join("\n");
}

/** Whether other scores ever make a method keep other patches. */
function ranksByScores(select: Selector): boolean {
  return !holdsFor(distinct, ({ scores, grid, keep, regionSize }) => {
    const negative = scores.map((score) => -score);
    const [kept, other] = [scores, negative].map((values) => String(select(values, grid, { keep, regionSize })));
    if (kept !== other) throw new Error("the scores count");
  });
}

/** Whether no case was found for which a law throws. */
function holdsFor(cases: fc.Arbitrary<SelectionCase>, law: (input: SelectionCase) => void): boolean {
  return !fc.check(fc.property(cases, law), { seed: DEFAULT_SEED, numRuns: TRIES, endOnFailure: true }).failed;
}
