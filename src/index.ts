/**
 * The public interface. Everything that notebooks, tests of other projects and readers may import
 * stands here; the rooms are described in docs/architecture.md.
 */

export { BACKEND_NAMES, type BackendChoice, type BackendName, useBackend } from "./backend/select.ts";
export { type FetchObserver, fetchCheckpoint } from "./data/hub/checkpoint.ts";
export type { Checksum, RemoteFile, Repository } from "./data/hub/repository.ts";
export type { Hub } from "./data/hub/requests.ts";
export { type PreparedImage, preprocess } from "./data/image.ts";
export { type Preprocessing, preprocessingOf } from "./data/preprocessing.ts";
export { buildPrompt, type ChatTemplate, loadChatTemplate, type Prompt } from "./data/prompt.ts";
export type { Picture } from "./data/resample.ts";
export { loadTokenizer, type Tokenizer } from "./data/tokenizer.ts";
export { NuwaError, UsageError } from "./errors.ts";
export { type Attribution, type AttributionOptions, attribute } from "./measure/attribution.ts";
export { type CoverageBounds, coverageBounds, type OpenBound, type TightBound } from "./measure/bounds.ts";
export { costOf, paperFlops, unprunedCost, type VisualCost } from "./measure/cost.ts";
export { type Coverage, coverageOf, nearestSquaredDistances, starDiscrepancy } from "./measure/coverage.ts";
export { type ExactCost, exactCost, exactUnprunedCost } from "./measure/exact.ts";
export { type Comparisons, paperOverhead } from "./measure/overhead.ts";
export { type DivpruneOptions, divprune, farthestPoints } from "./methods/divprune.ts";
export { type FastvOptions, fastv } from "./methods/fastv.ts";
export { type HipruneOptions, hiprune } from "./methods/hiprune.ts";
export type {
  AddedTokens,
  Cut,
  CutSelection,
  CutView,
  Method,
  PatchSelection,
  PatchView,
  PlacedTokens,
} from "./methods/method.ts";
export { none } from "./methods/none.ts";
export {
  type Knobs,
  type NuwaOptions,
  type NuwaSwitches,
  nuwa,
  VARIANTS,
  type Variant,
} from "./methods/nuwa.ts";
export { type PoolingOptions, pooledGrid, pooling } from "./methods/pooling.ts";
export { adaptiveCentres, type PrumergeOptions, prumerge } from "./methods/prumerge.ts";
export { type PyramiddropOptions, pyramiddrop } from "./methods/pyramiddrop.ts";
export { type RandomOptions, random } from "./methods/random.ts";
export { createMethod, DEFAULT_AVERAGE, defaultAverage, METHOD_NAMES, type MethodRequest } from "./methods/registry.ts";
export { type SparsevlmOptions, sparsevlm } from "./methods/sparsevlm.ts";
export { bipartiteGroups, type TomeOptions, tome } from "./methods/tome.ts";
export { type VisionzipOptions, visionzip } from "./methods/visionzip.ts";
export { parseConfig, type TextConfig, type VisionConfig, type VlmConfig } from "./model/config.ts";
export { initialWeights } from "./model/initialise.ts";
export type { MergeGroup, MergeView, TowerMerge } from "./model/merging.ts";
export { type Reading, read, recordReads, replay, run, runSync, tensorsIn } from "./model/reading.ts";
export type { Sequence, Slot } from "./model/sequence.ts";
export type { QueriesAndKeys, VisionOutput } from "./model/vision.ts";
export { createModel, disposeModel, type Model, tensorShapes, type Weights } from "./model/weights.ts";
export { type Advanced, advance, truncate } from "./pipeline/decode.ts";
export { type DecodeState, type ForwardInputs, type ForwardResult, forward } from "./pipeline/forward.ts";
export { type GenerateOptions, generate, type Sampling } from "./pipeline/generate.ts";
export { type Gradients, gradients } from "./pipeline/gradients.ts";
export { loadModel, weightTensor } from "./pipeline/load.ts";
export {
  type Anchors,
  aggregate,
  aggregationWeights,
  distanceThreshold,
  type Normalisation,
  similarityFeatures,
} from "./pruning/aggregation.ts";
export { type AlignmentOptions, alignAnchors, patchesPerRegion, pillarsAmong } from "./pruning/alignment.ts";
export { type AverageTokens, averageCount, type Budget, parseAverage, solveBudget } from "./pruning/budget.ts";
export {
  type CutBudget,
  type DecoderSize,
  fastvBudget,
  meanEntering,
  publishedPyramid,
  pyramidBudget,
  sparsevlmBudget,
  tomeBudget,
  visionzipBudget,
} from "./pruning/budget-peers.ts";
export { densityPeaks, matrixRank } from "./pruning/clustering.ts";
export { type Grid, largestSquaredDistance, patchCount, regionsOf, squaredDistance } from "./pruning/grid.ts";
export {
  averageTokens,
  enteringPerLayer,
  leavingPerLayer,
  type SampleLedger,
  type SelectionProducts,
  type VisualToken,
} from "./pruning/ledger.ts";
export {
  type ImagePositions,
  imagePositions,
  POSITION_POLICIES,
  type PositionFunction,
  type PositionPolicy,
} from "./pruning/positions.ts";
export { best, quantile } from "./pruning/ranking.ts";
export {
  neuralSort,
  pillarDegrees,
  type RelaxationOptions,
  relaxedAnchors,
  SELECTIONS,
  type SelectionKind,
  straightThrough,
} from "./pruning/relaxed.ts";
export { cosineToText, keepBest, keepRandom, lastTokenAttention } from "./pruning/textguided.ts";
export { type Random, randomFrom } from "./random.ts";
export { chain, noTap, type Recorder, record, replace, type Tap, type TapName, tapNames } from "./tap.ts";
export {
  type AnsweredBatch,
  answerLoss,
  type Calibrated,
  calibrationOn,
} from "./train/calibration.ts";
export type { FiguresRecord, Progress, StepRecord } from "./train/checkpoint.ts";
export {
  type KnobScalars,
  type KnobsFile,
  type KnobValues,
  readKnobs,
  variantKnobs,
  writeKnobs,
} from "./train/knobs.ts";
export type { TrainObserver, TrainOptions } from "./train/loop.ts";
export type { AdamWOptions } from "./train/optimizer.ts";
export type { AnyRecipe, StageRecipe } from "./train/recipe.ts";
export { type Output, terminalReport } from "./train/report.ts";
export type { Schedule } from "./train/schedule.ts";
export type { Stage } from "./train/stage.ts";
export { type TuneProblem, type TuneRecipe, type TuneResult, tune, tuneRecipe } from "./train/tune.ts";
export { drawRun, renderPng } from "./view/picture.ts";
export { boxText, parseBox } from "./world/coordinates.ts";
export type { Box } from "./world/geometry.ts";
export type { Family, Question } from "./world/question.ts";
export { questionRandom, questionsFor } from "./world/questions.ts";
export { renderScenes, scenePng } from "./world/rendering.ts";
export { type Scene, type SceneShape, sceneOf } from "./world/scene.ts";
export { SPLITS, type Split } from "./world/splits.ts";
