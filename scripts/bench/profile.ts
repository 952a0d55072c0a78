import * as tf from "@tensorflow/tfjs";
import { aroundKernels } from "../../src/analysis/cost/kernels.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import type { Method } from "../../src/methods/method.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { DECODED, withoutLeaks } from "./measure.ts";
import type { Shape } from "./shapes.ts";
import { PARTS, Stopwatch } from "./stopwatch.ts";
import { type Subject, subjectOf } from "./subject.ts";

/** What one kind of op took within a stage. */
export interface OpTime {
  readonly kernel: string;
  /** Of its inputs, such as `1×64, 64×128`. */
  readonly shapes: string;
  count: number;
  milliseconds: number;
}

/** What a stage of a run took, in its fastest run. */
export interface StageProfile {
  readonly stage: string;
  /** All of it, ops and what is between them. */
  milliseconds: number;
  /** Calls of kernels. */
  ops: number;
  /** Between the ops: the program itself, and what the library does before and after a kernel. */
  outside: number;
  /** The most expensive first. */
  readonly times: readonly OpTime[];
}

interface OpenStage extends StageProfile {
  readonly byOp: Map<string, OpTime>;
}

/**
 * Does some work and takes the time of every kernel in it. On wasm, and on tensorflow without a GPU, a kernel has
 * computed its output when it returns, so its time is that of its call; on a GPU it would be that of queueing.
 *
 * @param stageOf the stage that the work is in; it is asked at each kernel
 * @returns the stages in the order in which they were met
 */
export async function profileWork(
  stageOf: () => string,
  work: () => Promise<void> | void,
): Promise<ReadonlyMap<string, StageProfile>> {
  const stages = new Map<string, OpenStage>();
  const current = () => {
    const stage = stageOf();
    const known = stages.get(stage) ?? { stage, milliseconds: 0, ops: 0, outside: 0, times: [], byOp: new Map() };
    stages.set(stage, known);
    return known;
  };
  /** The ops that run, the innermost last: what runs inside another op is not counted with it. */
  const running: OpTime[] = [];
  let since = performance.now();
  const lap = (stage: OpenStage) => {
    const now = performance.now();
    const op = running.at(-1);
    if (op) op.milliseconds += now - since;
    else stage.outside += now - since;
    stage.milliseconds += now - since;
    since = now;
  };
  const stop = aroundKernels(({ name, inputs }, run) => {
    const stage = current();
    lap(stage);
    const op = opOf(stage, name, shapesOf(inputs));
    op.count++;
    stage.ops++;
    running.push(op);
    since = performance.now();
    try {
      return run();
    } finally {
      lap(stage);
      running.pop();
    }
  });
  try {
    await work();
    lap(current());
  } finally {
    stop();
  }
  return new Map(
    [...stages].map(([name, { byOp, ...stage }]) => [
      name,
      { ...stage, times: [...byOp.values()].sort((a, b) => b.milliseconds - a.milliseconds) },
    ]),
  );
}

function opOf({ byOp }: OpenStage, kernel: string, shapes: string): OpTime {
  const key = `${kernel} ${shapes}`;
  const known = byOp.get(key) ?? { kernel, shapes, count: 0, milliseconds: 0 };
  byOp.set(key, known);
  return known;
}

function shapesOf(inputs: tf.NamedTensorMap): string {
  return Object.values(inputs)
    .filter((input) => input instanceof tf.Tensor)
    .map(({ shape }) => shape.join("×") || "scalar")
    .join(", ");
}

/** The stage that decoding is shown as. */
const DECODE = "decode per token";
const stepName = (step: number) => `step ${step}`;

/** Where the time of one model size goes on one backend. */
export interface ProfileReport {
  readonly backend: string;
  readonly shape: string;
  readonly description: string;
  readonly unpruned: readonly StageProfile[];
  readonly pruned: readonly StageProfile[];
}

/** Profiles both methods on the current backend. */
export async function profileShape(backend: string, shape: Shape, runs: number): Promise<ProfileReport> {
  const subject = subjectOf(shape);
  try {
    const unpruned = await profileMethod(subject, subject.unpruned, runs);
    const pruned = await profileMethod(subject, subject.pruned, runs);
    return { backend, shape: shape.name, description: shape.description, unpruned, pruned };
  } finally {
    subject.dispose();
  }
}

/** Profiles passes with a method and the decoding behind them; of each stage the fastest run is kept. */
async function profileMethod(subject: Subject, method: Method, runs: number): Promise<StageProfile[]> {
  const fastest = new Map<string, StageProfile>();
  const keep = (name: string, profile: StageProfile | undefined) => {
    const known = fastest.get(name);
    if (profile && (!known || profile.milliseconds < known.milliseconds))
      fastest.set(name, { ...profile, stage: name });
  };
  for (let run = 0; run <= runs; run++) {
    const profiles = await withoutLeaks(method.name, () => profileOnce(subject, method));
    if (run === 0) continue; // the warm-up
    for (const part of PARTS) keep(part, profiles.get(part));
    // The first step makes what the later ones find in memory.
    for (let step = 2; step <= DECODED; step++) keep(DECODE, profiles.get(stepName(step)));
  }
  return [...fastest.values()];
}

async function profileOnce({ model, inputs }: Subject, method: Method): Promise<ReadonlyMap<string, StageProfile>> {
  const stopwatch = new Stopwatch();
  let decoding: string | undefined;
  return profileWork(
    () => decoding ?? stopwatch.running,
    async () => {
      stopwatch.start();
      const result = runSync(() => forward(model, inputs, stopwatch.watch(method), stopwatch.tap));
      stopwatch.stop(result.logits);
      let step = 0;
      for await (const _ids of generate(model, result, { maxNewTokens: DECODED + 1, stopTokens: [] }))
        decoding = stepName(++step);
      tf.dispose(tensorsIn(result));
    },
  );
}
