/** Measures of what a pruned model does: coverage and its bounds, cost, attribution. */

export { type Attribution, type AttributionOptions, attribute } from "./analysis/attribution.ts";
export { type CoverageBounds, coverageBounds, type OpenBound, type TightBound } from "./analysis/bounds.ts";
export { type ExactCost, type Measured, measureCost } from "./analysis/cost/meter.ts";
export { type Comparisons, paperOverhead } from "./analysis/cost/overhead.ts";
export { costOf, paperFlops, unprunedCost, type VisualCost } from "./analysis/cost/paper.ts";
export { type Coverage, coverageOf, nearestSquaredDistances, starDiscrepancy } from "./analysis/coverage.ts";
