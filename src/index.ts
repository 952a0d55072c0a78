/**
 * The core of the package: model, pruning methods and the forward pass. It runs in a browser, too: nothing here
 * imports Node. Files and checkpoints are in `node.ts`; the folders are described in docs/architecture.md.
 */

export { prepareWasm } from "./backend/wasm/prepare.ts";
export { type Box, FRACTIONS, fractionsOf, parseBox, parseBoxes } from "./core/boxes.ts";
export { NuwaError, UsageError } from "./core/errors.ts";
export { type Grid, largestSquaredDistance, patchCount, squaredDistance } from "./core/grid.ts";
export { mixedRandom, type Random, randomFrom } from "./core/random-numbers.ts";
export { best, quantile } from "./core/ranking.ts";
export { type Readback, readback, recordReadbacks, replay, run, runSync, tensorsIn } from "./core/readback.ts";
export type { Picture, Size } from "./core/resample.ts";
export { type Position, rolesOf, type Sequence, type Slot, type SlotRole } from "./core/slots.ts";
export {
  METHOD_POINTS,
  type MethodPoint,
  matchTaps,
  type TapFacts,
  type TapName,
  type TapPattern,
  type TapPoint,
  tapNames,
  tapPoints,
} from "./core/tap-points.ts";
export { chain, type Meeting, noTap, type Recorder, record, replace, type Tap, type Visit } from "./core/taps.ts";
export { type AverageTokens, averageCount, parseAverage } from "./methods/budget.ts";
export { type CdprunerOptions, cdpruner, determinantalPoints } from "./methods/cdpruner.ts";
export { type DartOptions, dart, dartBudget } from "./methods/dart.ts";
export { type DivpruneOptions, divprune, farthestPoints } from "./methods/divprune.ts";
export { type FastvOptions, fastv, fastvBudget } from "./methods/fastv.ts";
export { type FeatherOptions, feather } from "./methods/feather.ts";
export { type HipruneOptions, hiprune } from "./methods/hiprune.ts";
export { cropQuotas, type HolovOptions, type HolovReading, holov } from "./methods/holov.ts";
export { type IvcpruneOptions, ivcprune } from "./methods/ivcprune.ts";
export {
  averageTokens,
  enteringPerLayer,
  type GridLedger,
  gridLedgers,
  leavingPerLayer,
  type SampleLedger,
  type VisualToken,
} from "./methods/ledger.ts";
export type {
  AddedTokens,
  Cut,
  CutSelection,
  CutView,
  LayerBefore,
  Method,
  MethodDefinition,
  MethodRequest,
  PatchSelection,
  PatchView,
  PlacedTokens,
  Pruning,
  PruningSize,
} from "./methods/method.ts";
export { DEFAULT_AVERAGE, defaultAverage, takesAverage, withPositions } from "./methods/method.ts";
export { none } from "./methods/none.ts";
export {
  type Anchors,
  aggregate,
  aggregationWeights,
  distanceThreshold,
  similarityFeatures,
} from "./methods/nuwa/aggregation.ts";
export { type AlignmentOptions, alignAnchors, patchesPerRegion } from "./methods/nuwa/alignment.ts";
export { type Budget, solveBudget } from "./methods/nuwa/budget.ts";
export type { Stage1Constants } from "./methods/nuwa/constants.ts";
export { type NuwaOptions, nuwa } from "./methods/nuwa/nuwa.ts";
export { pillarsAmong } from "./methods/nuwa/pillars.ts";
export {
  type ImagePositions,
  imagePositions,
  POSITION_POLICIES,
  type PositionFunction,
  type PositionPolicy,
} from "./methods/nuwa/positions.ts";
export {
  neuralSort,
  pillarDegrees,
  type RelaxationOptions,
  relaxedAnchors,
  straightThrough,
} from "./methods/nuwa/relaxed.ts";
export { regionsOf } from "./methods/nuwa/separation.ts";
export { SELECTIONS, type SelectionKind } from "./methods/nuwa/soft-stage1.ts";
export { cosineToText, keepBest, keepRandom, lastTokenAttention } from "./methods/nuwa/textguided.ts";
export { type Normalisation, type NuwaSwitches, VARIANTS, type Variant } from "./methods/nuwa/variants.ts";
export { type PoolingOptions, pooledGrid, pooling } from "./methods/pooling.ts";
export { adaptiveCentres, type PrumergeOptions, prumerge } from "./methods/prumerge.ts";
export { type PyramiddropOptions, publishedPyramid, pyramidBudget, pyramiddrop } from "./methods/pyramiddrop.ts";
export { type RandomOptions, random } from "./methods/random.ts";
export { createMethod, createPruning, METHOD_NAMES, METHODS, methodNamed } from "./methods/registry.ts";
export { type CutBudget, type DecoderSize, meanEntering } from "./methods/schedule.ts";
export { coveringPatches, type ScopeOptions, type ScopeWeighing, scope } from "./methods/scope.ts";
export { sparsevlmBudget } from "./methods/sparsevlm/budget.ts";
export { densityPeaks, matrixRank } from "./methods/sparsevlm/clustering.ts";
export { type SparsevlmOptions, sparsevlm } from "./methods/sparsevlm/sparsevlm.ts";
export { bipartiteGroups, type TomeOptions, tome, tomeBudget } from "./methods/tome.ts";
export { type VisionzipOptions, visionzip, visionzipBudget } from "./methods/visionzip.ts";
export { type VisprunerOptions, vispruner, withoutDuplicates } from "./methods/vispruner.ts";
export { FAMILIES, familyNamed, familyOf } from "./model/families.ts";
export type { Family } from "./model/family.ts";
export { cellCount, type ImageShape, rasterShape, unprunedTokens } from "./model/image-shape.ts";
export { initialWeights } from "./model/initialise.ts";
export { type LlavaConfig, parseConfig, type VisionConfig } from "./model/llava/config.ts";
export { createModel, type Llava, requireLlava } from "./model/llava/llava.ts";
export {
  type LlavaPreprocessing,
  type LlavaPreprocessingOptions,
  llavaPreprocessing,
} from "./model/llava/preprocessing.ts";
export { tensorShapes } from "./model/llava/tensor-shapes.ts";
export type { GridPicture, PreparedImage, PreparedPixels, Preprocessing } from "./model/preprocessing.ts";
export type { TowerBlock } from "./model/tower-block.ts";
export type { TextConfig } from "./model/transformer/config.ts";
export type { DecoderWeights } from "./model/transformer/decoder-weights.ts";
export type { MergeGroup, MergeView, TowerMerge } from "./model/transformer/merging.ts";
export {
  type Capability,
  disposeModel,
  type EncodedGrid,
  type EncodedImages,
  type ImageInputs,
  type ImageSizes,
  type ModelFacts,
  type Vlm,
  type VlmConfig,
} from "./model/vlm.ts";
export type { Weights } from "./model/weights.ts";
export {
  type Answer,
  type AnswerOptions,
  answer,
  answerPrompts,
  type DecodingOptions,
  type LoadedVlm,
} from "./pipeline/answer.ts";
export { continueFrom, type FinishedPass, throughLayer } from "./pipeline/continue.ts";
export { type Advanced, advance, truncate } from "./pipeline/decode.ts";
export { type GenerateOptions, generate, type Sampling } from "./pipeline/generate.ts";
export { type Gradients, gradients } from "./pipeline/gradients.ts";
export { type ForwardInputs, type ForwardResult, forward, type MadeCut } from "./pipeline/prefill.ts";
export {
  batchOf,
  buildPrompt,
  type ChatTemplate,
  type Prompt,
  type Tokenizer,
} from "./pipeline/processor.ts";
export type { DecodeState } from "./pipeline/state.ts";
