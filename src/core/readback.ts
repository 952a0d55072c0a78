import * as tf from "@tensorflow/tfjs";
import { Turn } from "./turns.ts";

/** Values read out of a tensor. */
export type Values = Float32Array | Int32Array | Uint8Array;

/**
 * A computation that here and there needs to see the values of a tensor to go on. It is a generator: it
 * yields the tensor and is resumed with the values, so that the same code runs synchronously, on
 * backends that can only be read asynchronously, and inside a gradient tape. A turn that it yields is waited for where
 * that is possible, and passed over elsewhere.
 */
export type Readback<T> = Generator<tf.Tensor | Turn, T, Values>;

/** What a computation is resumed with behind a turn. */
const NOTHING: Values = new Float32Array(0);

/** `const values = yield* readback(tensor)`: the tensor's values, row-major. */
export function* readback(tensor: tf.Tensor): Readback<Float32Array> {
  return (yield tensor) as Float32Array;
}

/**
 * Runs to the end, reading with `dataSync`. Tensors made on the way are freed, save those in the result.
 */
export function runSync<T>(computation: () => Readback<T>): T {
  return scoped(computation, finishSync);
}

/** Like {@link runSync} for a computation that is a part of another one, which frees what it makes. */
export function finishSync<T>(generator: Readback<T>): T {
  return finish(generator, (tensor) => tensor.dataSync() as Values);
}

/**
 * Like {@link runSync}, reading with `await data()`; needed on backends that cannot read synchronously. Several may
 * be under way at a time: while one waits for values, what others make is not taken for its own.
 */
export async function run<T>(computation: () => Readback<T>): Promise<T> {
  const made: tf.Tensor[] = [];
  let result: T | undefined;
  try {
    const generator = computation();
    let step = collecting(made, () => generator.next());
    while (!step.done) {
      const values = await valuesOf(step.value);
      step = collecting(made, () => generator.next(values));
    }
    result = step.value;
    return result;
  } finally {
    const returned = new Set(tensorsIn(result));
    for (const tensor of made) if (!tensor.kept && !returned.has(tensor)) tensor.dispose();
  }
}

async function valuesOf(wanted: tf.Tensor | Turn): Promise<Values> {
  if (!(wanted instanceof Turn)) return (await wanted.data()) as Values;
  await wanted.wait();
  return NOTHING;
}

/** Stands for the run of which a part is being computed. */
let current: object | undefined;

/** The {@link run} of which a part is being computed right now, told apart from others; undefined outside of them. */
export function currentRun(): object | undefined {
  return current;
}

/**
 * Does a synchronous part of a longer work in a scope of its own, which is closed before anybody else goes on, and
 * notes the tensors that it leaves.
 */
function collecting<T>(made: tf.Tensor[], work: () => T): T {
  const engine = tf.engine();
  const outer = current;
  current = made;
  engine.startScope("run");
  try {
    return work();
  } finally {
    current = outer;
    const left = engine.state.activeScope.track.filter((tensor) => !tensor.isDisposed);
    made.push(...left);
    engine.endScope(left);
  }
}

/** What {@link recordReadbacks} returns. */
export interface RecordedRun<T> {
  readonly result: T;
  /** What was read, in order; for {@link replay}. */
  readonly values: readonly Values[];
}

/** Like {@link run}, remembering what was read. */
export async function recordReadbacks<T>(computation: () => Readback<T>): Promise<RecordedRun<T>> {
  const all: Values[] = [];
  const result = await run(function* () {
    const generator = computation();
    let step = generator.next();
    while (!step.done) {
      const values = yield step.value;
      if (!(step.value instanceof Turn)) all.push(values);
      step = generator.next(values);
    }
    return step.value;
  });
  return { result, values: all };
}

/**
 * Runs to the end without reading anything: answers with the values of an earlier run. Inside
 * `tf.grads` this holds every selection fixed, which is what the gradient of a hard selection means.
 */
export function replay<T>(computation: () => Readback<T>, values: readonly Values[]): T {
  let next = 0;
  return scoped(computation, (generator) => finish(generator, () => values[next++]));
}

function finish<T>(generator: Readback<T>, answer: (tensor: tf.Tensor) => Values): T {
  let step = generator.next();
  while (!step.done) step = generator.next(step.value instanceof Turn ? NOTHING : answer(step.value));
  return step.value;
}

function scoped<T>(computation: () => Readback<T>, drive: (generator: Readback<T>) => T): T {
  return tidy(() => drive(computation()));
}

/** `tf.tidy` for any nested value: tensors made by `work` are freed, save those in what it returns. */
export function tidy<T>(work: () => T): T {
  const engine = tf.engine();
  engine.startScope("tidy");
  let result: T | undefined;
  try {
    result = work();
    return result;
  } finally {
    engine.endScope(tensorsIn(result));
  }
}

/**
 * The tensors in nested arrays and plain objects, each once. tfjs has its own search, but that one visits
 * every element of every typed array.
 */
export function tensorsIn(value: unknown): tf.Tensor[] {
  const seen = new Set<unknown>();
  const found: tf.Tensor[] = [];
  const search = (item: unknown): void => {
    // What is shared is walked once: the layers of a state share long sequences.
    if (item === null || typeof item !== "object" || ArrayBuffer.isView(item) || seen.has(item)) return;
    seen.add(item);
    if (item instanceof tf.Tensor) found.push(item);
    else for (const inner of Array.isArray(item) ? item : Object.values(item)) search(inner);
  };
  search(value);
  return found;
}
