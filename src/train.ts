/** Training of the small model, and tuning of the constants of stage 1. */

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
