import fc from "fast-check";
import { type SelectionCase, selectionCases } from "./generators/selections.ts";
import * as laws from "./laws.ts";
import { SELECTORS, type Selector } from "./selectors.ts";
import { DEFAULT_SEED } from "./settings.ts";

/** The table "who keeps which law" of docs/invariants.md: its laws by the names they have there. */
const TABLE: Readonly<Record<string, { law: laws.SelectionLaw; cases: fc.Arbitrary<SelectionCase> }>> = {
  "exactly k patches, ascending": { law: laws.keepsExactlyK, cases: selectionCases({ max: 12 }) },
  "only the order of scores counts": { law: laws.seesOnlyOrder, cases: selectionCases({ max: 12 }) },
  "raising a kept score keeps it": { law: laws.keepsWhatRises, cases: selectionCases({ max: 12 }) },
  "the best of each region": { law: laws.keepsTheBestOfARegion, cases: selectionCases({ max: 12 }) },
  "transposes with the grid": { law: laws.transposes, cases: selectionCases({ max: 12, kind: "distinct" }) },
  "mirrors with the grid": { law: laws.mirrors, cases: selectionCases({ max: 12, kind: "distinct" }) },
  "at most n in a region": { law: laws.holdsAtMostN, cases: selectionCases({ max: 12 }) },
  "covers min(k, #regions) when n = 1": { law: laws.spreadsSingles, cases: selectionCases({ max: 12 }) },
  "covering radius": { law: laws.staysWithinTheRadius, cases: selectionCases({ max: 12 }) },
  "row and column gaps": { law: laws.staysWithinTheGaps, cases: selectionCases({ max: 12 }) },
  "star discrepancy": { law: laws.staysWithinTheDiscrepancy, cases: selectionCases({ max: 12 }) },
  "mean distance": { law: laws.staysWithinTheMeanDistance, cases: selectionCases({ max: 12 }) },
};

/** Enough for every law that someone breaks to be seen broken. */
const TRIES = 300;

/** Whether no case was found in which the selection breaks the law. */
function keepsLaw(select: Selector, { law, cases }: (typeof TABLE)[string]): boolean {
  const parameters = { seed: DEFAULT_SEED, numRuns: TRIES, endOnFailure: true };
  return !fc.check(fc.property(cases, law(select)), parameters).failed;
}

/** The table as Markdown. A new selector joins it by its line in selectors.ts. */
export function whoKeepsWhichLaw(): string {
  const names = Object.keys(SELECTORS);
  return [
    `| law | ${names.join(" | ")} |`,
    `| --- |${" --- |".repeat(names.length)}`,
    ...Object.entries(TABLE).map(([name, entry]) => {
      const marks = names.map((selector) => (keepsLaw(SELECTORS[selector], entry) ? "keeps" : "**breaks**"));
      return `| ${name} | ${marks.join(" | ")} |`;
    }),
  ].join("\n");
}
