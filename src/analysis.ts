/**
 * Measures of what happens inside a model, pruned or not: attention, states and what they would say, interventions,
 * attribution, coverage and its bounds, cost.
 */

export { answerAttention, type LayerAttention } from "./analysis/answer-attention.ts";
export { type Attribution, type AttributionOptions, attribute } from "./analysis/attribution.ts";
export {
  attentionBlocking,
  BLOCKED,
  type BlockedLogits,
  type Blocking,
  QUARTERS,
} from "./analysis/blocking.ts";
export { type CoverageBounds, coverageBounds, type OpenBound, type TightBound } from "./analysis/bounds.ts";
export { type ObjectCohesion, objectCohesion } from "./analysis/cohesion.ts";
export { type ExactCost, type Measured, measureCost } from "./analysis/cost/meter.ts";
export { type Comparisons, paperOverhead } from "./analysis/cost/overhead.ts";
export { costOf, paperFlops, unprunedCost, type VisualCost } from "./analysis/cost/paper.ts";
export { type Coverage, coverageOf, nearestSquaredDistances, starDiscrepancy } from "./analysis/coverage.ts";
export { decoderEntropy, towerEntropy } from "./analysis/entropy.ts";
export { attentionFlow, flowBetween, type SegmentFlow } from "./analysis/flow.ts";
export { gradientFlow } from "./analysis/gradient-flow.ts";
export { type LogitLens, logitLens } from "./analysis/lens.ts";
export { type Measure, type MeasuredPass, measure, type Watch } from "./analysis/measure.ts";
export { normOverlap } from "./analysis/norms.ts";
export { activationPatching, type PatchedPositions, type Patching, type PatchingOptions } from "./analysis/patching.ts";
export {
  type PositionReconstruction,
  positionReconstruction,
  type ReconstructedPositions,
} from "./analysis/positions.ts";
export { provenance, type Source } from "./analysis/provenance.ts";
export { SEGMENTS, type Segment, segmentRows } from "./analysis/segments.ts";
