/** Training of the small model, and tuning of the constants of stage 1. */

export type { Schedule } from "./train/engine/learning-rate.ts";
export type { TrainObserver, TrainOptions } from "./train/engine/loop.ts";
export type { AdamWOptions } from "./train/engine/optimizer.ts";
export { type Output, terminalReport } from "./train/engine/progress-report.ts";
export type { AnyRecipe, Stage, StageRecipe } from "./train/engine/stage.ts";
export type { FiguresRecord, Progress, StepRecord } from "./train/engine/training-state.ts";
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
} from "./train/tune/tuned-constants.ts";
export { type TuneProblem, type TuneRecipe, type TuneResult, tune, tuneRecipe } from "./train/tune/tuning.ts";
