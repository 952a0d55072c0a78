/**
 * The public interface. Everything that notebooks, tests of other projects and readers may import
 * stands here; the rooms are described in docs/architecture.md.
 */

export { type Attribution, type AttributionOptions, attribute } from "./analysis/attribution.ts";
export { type CoverageBounds, coverageBounds, type OpenBound, type TightBound } from "./analysis/bounds.ts";
export type { ExactCost } from "./analysis/cost/meter.ts";
export { type Comparisons, paperOverhead } from "./analysis/cost/overhead.ts";
export { costOf, paperFlops, unprunedCost, type VisualCost } from "./analysis/cost/paper.ts";
export { type Coverage, coverageOf, nearestSquaredDistances, starDiscrepancy } from "./analysis/coverage.ts";
export { BACKEND_NAMES, type BackendChoice, type BackendName, useBackend } from "./backend/select.ts";
export type { Box } from "./core/boxes.ts";
export { parseBox } from "./core/boxes.ts";
export { NuwaError, UsageError } from "./core/errors.ts";
export { type Grid, largestSquaredDistance, patchCount, squaredDistance } from "./core/grid.ts";
export { type Random, randomFrom } from "./core/random.ts";
export { best, quantile } from "./core/ranking.ts";
export { type Readback, readback, recordReadbacks, replay, run, runSync, tensorsIn } from "./core/readback.ts";
export type { Picture } from "./core/resample.ts";
export type { Sequence, Slot } from "./core/slots.ts";
export { type TapName, tapNames } from "./core/tap-points.ts";
export { chain, noTap, type Recorder, record, replace, type Tap } from "./core/taps.ts";
export { type FetchObserver, fetchCheckpoint } from "./io/hub/checkpoint.ts";
export type { Checksum, RemoteFile, Repository } from "./io/hub/repository.ts";
export type { Hub } from "./io/hub/requests.ts";
export { preprocess } from "./io/image.ts";
export { loadModel, loadVlm, weightTensor } from "./io/load.ts";
export { preprocessingOf } from "./io/preprocessing.ts";
export { loadChatTemplate } from "./io/prompt.ts";
export { loadTokenizer } from "./io/tokenizer.ts";
export { type AverageTokens, averageCount, parseAverage } from "./methods/budget.ts";
export { type DivpruneOptions, divprune, farthestPoints } from "./methods/divprune.ts";
export { type FastvOptions, fastv, fastvBudget } from "./methods/fastv.ts";
export { type HipruneOptions, hiprune } from "./methods/hiprune.ts";
export {
  averageTokens,
  enteringPerLayer,
  leavingPerLayer,
  type SampleLedger,
  type VisualToken,
} from "./methods/ledger.ts";
export type {
  AddedTokens,
  Cut,
  CutSelection,
  CutView,
  Method,
  MethodDefinition,
  MethodRequest,
  PatchSelection,
  PatchView,
  PlacedTokens,
} from "./methods/method.ts";
export { DEFAULT_AVERAGE, defaultAverage } from "./methods/method.ts";
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
export { createMethod, METHOD_NAMES, METHODS, methodNamed } from "./methods/registry.ts";
export { type CutBudget, type DecoderSize, meanEntering } from "./methods/schedule.ts";
export { sparsevlmBudget } from "./methods/sparsevlm/budget.ts";
export { densityPeaks, matrixRank } from "./methods/sparsevlm/clustering.ts";
export { type SparsevlmOptions, sparsevlm } from "./methods/sparsevlm/sparsevlm.ts";
export { bipartiteGroups, type TomeOptions, tome, tomeBudget } from "./methods/tome.ts";
export { type VisionzipOptions, visionzip, visionzipBudget } from "./methods/visionzip.ts";
export { initialWeights } from "./model/initialise.ts";
export { parseConfig, type TextConfig, type VisionConfig, type VlmConfig } from "./model/llava/config.ts";
export type { Preprocessing } from "./model/llava/preprocessing.ts";
export type { QueriesAndKeys, VisionOutput } from "./model/llava/tower.ts";
export { createModel, disposeModel, type Model, tensorShapes, type Weights } from "./model/llava/weights.ts";
export type { MergeGroup, MergeView, TowerMerge } from "./model/transformer/merging.ts";
export {
  type Answer,
  type AnswerOptions,
  answer,
  answerPrompts,
  type DecodingOptions,
  type LoadedVlm,
} from "./pipeline/answer.ts";
export { type Advanced, advance, truncate } from "./pipeline/decode.ts";
export { type GenerateOptions, generate, type Sampling } from "./pipeline/generate.ts";
export { type Gradients, gradients } from "./pipeline/gradients.ts";
export { type DecodeState, type ForwardInputs, type ForwardResult, forward } from "./pipeline/prefill.ts";
export {
  buildPrompt,
  type ChatTemplate,
  type PreparedImage,
  type Prompt,
  type Tokenizer,
} from "./pipeline/processor.ts";
export type { TrainObserver, TrainOptions } from "./train/engine/loop.ts";
export type { AdamWOptions } from "./train/engine/optimizer.ts";
export { type Output, terminalReport } from "./train/engine/progress-report.ts";
export type { Schedule } from "./train/engine/schedule.ts";
export type { Stage } from "./train/engine/stage.ts";
export type { FiguresRecord, Progress, StepRecord } from "./train/engine/training-state.ts";
export type { AnyRecipe, StageRecipe } from "./train/shapes/recipe.ts";
export {
  type AnsweredBatch,
  answerLoss,
  calibrationOn,
} from "./train/tune/calibration.ts";
export {
  type ConstantScalars,
  type ConstantsFile,
  type ConstantValues,
  readConstants,
  variantConstants,
  writeConstants,
} from "./train/tune/constants.ts";
export { type TuneProblem, type TuneRecipe, type TuneResult, tune, tuneRecipe } from "./train/tune/tuning.ts";
export { drawRun, renderPng } from "./view/picture.ts";
export { boxText } from "./world/coordinates.ts";
export type { Family, Question } from "./world/question.ts";
export { questionRandom, questionsFor } from "./world/questions.ts";
export { renderScenes, scenePng } from "./world/rendering.ts";
export { type Scene, type SceneShape, sceneOf } from "./world/scene.ts";
export { SPLITS, type Split } from "./world/splits.ts";
