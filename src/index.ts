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
export { costOf, paperFlops, unprunedCost, type VisualCost } from "./measure/cost.ts";
export { type ExactCost, exactCost, exactUnprunedCost, type SelectionScore } from "./measure/exact.ts";
export { type Comparisons, paperOverhead } from "./measure/overhead.ts";
export type { Cut, CutView, Method, PatchSelection } from "./methods/method.ts";
export { none } from "./methods/none.ts";
export {
  distanceThreshold,
  type NuwaOptions,
  type NuwaSwitches,
  nuwa,
  VARIANTS,
  type Variant,
} from "./methods/nuwa.ts";
export { createMethod, METHOD_NAMES, type MethodRequest } from "./methods/registry.ts";
export { parseConfig, type TextConfig, type VisionConfig, type VlmConfig } from "./model/config.ts";
export { initialWeights } from "./model/initialise.ts";
export { type Reading, read, recordReads, replay, run, runSync, tensorsIn } from "./model/reading.ts";
export type { Sequence, Slot } from "./model/sequence.ts";
export type { VisionOutput } from "./model/vision.ts";
export { createModel, disposeModel, type Model, tensorShapes, type Weights } from "./model/weights.ts";
export { type Advanced, advance } from "./pipeline/decode.ts";
export { type DecodeState, type ForwardInputs, type ForwardResult, forward } from "./pipeline/forward.ts";
export { type GenerateOptions, generate, type Sampling } from "./pipeline/generate.ts";
export { type Gradients, gradients } from "./pipeline/gradients.ts";
export { loadModel, weightTensor } from "./pipeline/load.ts";
export {
  type Anchors,
  aggregate,
  aggregationWeights,
  type Normalisation,
  similarityFeatures,
} from "./pruning/aggregation.ts";
export { type AlignmentOptions, alignAnchors, pillarsAmong } from "./pruning/alignment.ts";
export { type AverageTokens, type Budget, parseAverage, solveBudget } from "./pruning/budget.ts";
export { type Grid, largestSquaredDistance, patchCount, regionsOf, squaredDistance } from "./pruning/grid.ts";
export {
  averageTokens,
  enteringPerLayer,
  leavingPerLayer,
  type SampleLedger,
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
export { cosineToText, keepBest, keepRandom, lastTokenAttention } from "./pruning/textguided.ts";
export { type Random, randomFrom } from "./random.ts";
export { chain, noTap, type Recorder, record, replace, type Tap, type TapName, tapNames } from "./tap.ts";
