/**
 * Everything of `index.ts`, and what needs Node: the choice of a backend, files, images, checkpoints, the hub,
 * pictures.
 */

export { BACKEND_NAMES, type BackendChoice, type BackendName, useBackend } from "./backend/select.ts";
export * from "./index.ts";
export { type FetchObserver, fetchCheckpoint } from "./io/hub/fetch-checkpoint.ts";
export type { Checksum, RemoteFile, Repository } from "./io/hub/repository.ts";
export type { Hub } from "./io/hub/requests.ts";
export { preprocess, readPicture } from "./io/image.ts";
export {
  loadModel,
  loadVlm,
  type ModelPlan,
  type OpenedModel,
  openModel,
  planModel,
  shapesWeights,
} from "./io/load.ts";
export { loadMethodFile } from "./io/method-file.ts";
export { preprocessingOf } from "./io/preprocessing.ts";
export { loadChatTemplate } from "./io/prompt.ts";
export { loadTokenizer } from "./io/tokenizer.ts";
export { type AttentionStrip, drawAttentionStrip } from "./view/attention-strip.ts";
export { type Compared, type ComparedRun, comparedWith } from "./view/comparison.ts";
export { type ComparisonDrawing, drawComparison } from "./view/comparison-picture.ts";
export { type CutScores, recordScores, type ScoreRecorder } from "./view/cut-scores.ts";
export { renderPng } from "./view/drawing/png.ts";
export { drawPanels, type PanelsDrawing, type PicturePanel } from "./view/panels.ts";
export { type DrawnAnswer, type DrawnImage, drawRun, type RunDrawing } from "./view/picture.ts";
