import { expect } from "vitest";
import { selectionCases } from "../../src/laws/generators/selections.ts";
import { law } from "./law.ts";
import { globalTopK } from "./selectors.ts";

/** A law that is false on purpose. It is no test file; reproducer.test.ts runs it to see what a broken law prints. */
law("The best patch of the whole grid stands in the first row.", selectionCases({ max: 8 }), ({ scores, grid }) => {
  expect(globalTopK(scores, grid, { keep: 1, regionSize: 1 })[0]).toBeLessThan(grid.columns);
});
