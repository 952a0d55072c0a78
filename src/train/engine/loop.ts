import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { whileLocked } from "../../io/lock.ts";
import { checkpointLayout } from "./expected-tensors.ts";
import { learningRate } from "./learning-rate.ts";
import { createTrainState, decayMask, disposeTrainState, type TrainState, unpack } from "./optimizer.ts";
import type { AnyRecipe, Stage } from "./stage.ts";
import { trainStep } from "./step.ts";
import type { Progress, StepRecord } from "./training-state.ts";
import { loadTensors, readProgress, type Saved, saveCheckpoint } from "./training-state.ts";

/** Gets the events of a training, to show them. */
export interface TrainObserver {
  step(record: StepRecord, stage: Stage, secondsPerStep: number): void;
  figures(stage: Stage, step: number, figures: Readonly<Record<string, number>>): void;
  saved(folder: string, progress: Progress): void;
}

/** How a training is run; nothing here changes its result. */
export interface TrainOptions {
  readonly folder: string;
  readonly resume: boolean;
  /** Seconds between checkpoints. */
  readonly saveEvery: number;
  /** Asked after every step; true saves and ends. */
  readonly stopped: () => boolean;
  readonly observer: TrainObserver;
  /** Ends after so many steps in this process, as if stopped. */
  readonly stopAfter?: number;
}

/** What {@link train} returns; the caller frees the weights. */
export interface TrainResult {
  readonly finished: boolean;
  readonly progress: Progress;
  /** All weights, with what stages added. */
  readonly weights: Map<string, tf.Tensor>;
}

/**
 * Runs the stages of a recipe one after the other, from the start or from a checkpoint. A training that
 * was stopped or killed goes on exactly as it would have: the state is exact, and the data of a step
 * follows from its number. The folder is locked meanwhile.
 *
 * @param initial weights to start from; when resuming they only say what a checkpoint must hold
 * @throws NuwaError when the files to resume from are damaged or of another recipe, a loss is not a number, or other
 *   work is writing into the folder
 */
export function train(
  recipe: AnyRecipe,
  stages: readonly Stage[],
  initial: () => Map<string, tf.Tensor>,
  options: TrainOptions,
): Promise<TrainResult> {
  return whileLocked(options.folder, () => runStages(recipe, stages, initial, options));
}

async function runStages(
  recipe: AnyRecipe,
  stages: readonly Stage[],
  initial: () => Map<string, tf.Tensor>,
  options: TrainOptions,
): Promise<TrainResult> {
  let saved: Saved = options.resume
    ? await resumed(recipe, stages, initial, options.folder)
    : { progress: { stage: 0, step: 0, seconds: 0, steps: [], figures: [] }, frozen: initial(), state: undefined };
  let left = options.stopAfter ?? Number.POSITIVE_INFINITY;
  while (saved.progress.stage < stages.length) {
    const before = saved.progress;
    saved = await runStage(recipe, stages[before.stage], saved, { ...options, stopAfter: left });
    if (saved.progress.stage === before.stage) break;
    left -= stages[before.stage].recipe.steps - before.step;
  }
  const { progress, frozen, state } = saved;
  const trained = state ? unpack(state.entries, state.parameters) : new Map<string, tf.Tensor>();
  if (state) disposeTrainState(state);
  return { finished: progress.stage === stages.length, progress, weights: new Map([...frozen, ...trained]) };
}

/** A training as saved in a folder, checked against what the recipe makes. */
async function resumed(
  recipe: AnyRecipe,
  stages: readonly Stage[],
  initial: () => Map<string, tf.Tensor>,
  folder: string,
): Promise<Saved> {
  const saved = readProgress(folder, recipe);
  const { stage, step } = saved.progress;
  // The last step of a stage is saved as the start of the next one.
  if (stage > stages.length || step >= (stages[stage]?.recipe.steps ?? 1))
    throw new NuwaError(
      `${folder}/progress.json: fields "stage" and "step": ` +
        `the recipe has no step ${step} of stage ${stage}. Train into another folder.`,
    );
  return loadTensors(saved, await checkpointLayout(stages, initial, saved.progress));
}

/** Runs a stage to its end, or until it is stopped; saves in between and at the end. */
async function runStage(recipe: AnyRecipe, stage: Stage, saved: Saved, options: TrainOptions): Promise<Saved> {
  let { frozen, state } = await startOf(stage, saved);
  let progress = saved.progress;
  const decays = decayMask(state.entries);
  const { steps, validateEvery } = stage.recipe;
  const started = performance.now();
  const startStep = progress.step;
  let lastSave = started;
  const prepare = (step: number) => {
    if (step >= steps) return undefined;
    const data = stage.prepare(step);
    // It is waited for after the step before, which may fail first: then nobody would hear of a failure of this one.
    data.catch(() => undefined);
    return data;
  };
  let next = prepare(progress.step);
  while (next) {
    const prepared = await next;
    const step = progress.step + 1;
    next = prepare(step);
    const rate = learningRate(progress.step, stage.recipe);
    const record = await (async () => {
      const result = trainStep(
        state,
        (t) => stage.loss(new Map([...frozen, ...t]), prepared),
        rate,
        decays,
        recipe.optimizer,
      );
      disposeTrainState(state);
      state = result.state;
      const [loss, gradientNorm] = [(await result.loss.data())[0], (await result.gradientNorm.data())[0]];
      tf.dispose([result.loss, result.gradientNorm]);
      // Before anything is saved: a checkpoint with NaN in it could never be resumed.
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
        throw new NuwaError(
          `${options.folder}: step ${step} of stage "${stage.name}" has the loss ${loss} ` +
            `and a gradient of norm ${gradientNorm}. The last checkpoint was kept; ` +
            `its weights may be damaged, or the learning rate is too high.`,
        );
      return { stage: stage.name, step, loss, gradientNorm, rate };
    })();
    const now = performance.now();
    options.observer.step(record, stage, (now - started) / 1000 / (step - startStep));
    progress = { ...progress, step, steps: [...progress.steps, record] };
    if (step % validateEvery === 0 || step === steps) {
      const trained = unpack(state.entries, state.parameters);
      const figures = await stage.validate(new Map([...frozen, ...trained]));
      tf.dispose([...trained.values()]);
      options.observer.figures(stage, step, figures);
      progress = { ...progress, figures: [...progress.figures, { stage: stage.name, step, figures }] };
    }
    const stop = options.stopped() || step - startStep >= (options.stopAfter ?? Number.POSITIVE_INFINITY);
    if (stop || step === steps || now - lastSave > 1000 * options.saveEvery) {
      lastSave = now;
      const timed = { ...progress, seconds: saved.progress.seconds + (performance.now() - started) / 1000 };
      if (step < steps) {
        await saveCheckpoint(options.folder, recipe, timed, frozen, state);
        options.observer.saved(options.folder, timed);
      }
      if (stop && step < steps) {
        await next;
        decays.dispose();
        return { progress: timed, frozen, state };
      }
    }
  }
  decays.dispose();
  const all = new Map([...frozen, ...unpack(state.entries, state.parameters)]);
  disposeTrainState(state);
  const seconds = saved.progress.seconds + (performance.now() - started) / 1000;
  progress = { ...progress, stage: progress.stage + 1, step: 0, seconds };
  await saveCheckpoint(options.folder, recipe, progress, all, undefined);
  options.observer.saved(options.folder, progress);
  return { progress, frozen: all, state: undefined };
}

/** The state that a stage goes on from, or a fresh one where it has not begun. */
async function startOf(
  stage: Stage,
  { frozen, state }: Saved,
): Promise<{ frozen: Map<string, tf.Tensor>; state: TrainState }> {
  if (state) return { frozen, state };
  const all = await stage.begin(frozen);
  const [trained, rest] = [true, false].map(
    (wanted) => new Map([...all].filter(([name]) => stage.trains(name) === wanted)),
  );
  const fresh = createTrainState(trained);
  tf.dispose([...trained.values()]);
  return { frozen: rest, state: fresh };
}
