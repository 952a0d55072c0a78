import * as tf from "@tensorflow/tfjs";

/** Values read out of a tensor. */
export type Values = Float32Array | Int32Array | Uint8Array;

/**
 * A computation that here and there needs to see the values of a tensor to go on. It is a generator: it
 * yields the tensor and is resumed with the values, so that the same code runs synchronously, on
 * backends that can only be read asynchronously, and inside a gradient tape.
 */
export type Reading<T> = Generator<tf.Tensor, T, Values>;

/** `const values = yield* read(tensor)`: the tensor's values, row-major. */
export function* read(tensor: tf.Tensor): Reading<Float32Array> {
  return (yield tensor) as Float32Array;
}

/**
 * Runs to the end, reading with `dataSync`. Tensors made on the way are freed, save those in the result.
 */
export function runSync<T>(reading: () => Reading<T>): T {
  return scoped(reading, (generator) => finish(generator, (tensor) => tensor.dataSync() as Values));
}

/**
 * Like {@link runSync}, reading with `await data()`; needed on backends that cannot read synchronously.
 * Only one may be under way at a time, because tensors made meanwhile would be taken for its own.
 */
export async function run<T>(reading: () => Reading<T>): Promise<T> {
  const engine = tf.engine();
  engine.startScope("run");
  let result: T | undefined;
  try {
    const generator = reading();
    let step = generator.next();
    while (!step.done) step = generator.next((await step.value.data()) as Values);
    result = step.value;
    return result;
  } finally {
    engine.endScope(tensorsIn(result));
  }
}

/** What {@link recordReads} returns. */
export interface RecordedRun<T> {
  readonly result: T;
  /** What was read, in order; for {@link replay}. */
  readonly reads: readonly Values[];
}

/** Like {@link run}, remembering what was read. */
export async function recordReads<T>(reading: () => Reading<T>): Promise<RecordedRun<T>> {
  const reads: Values[] = [];
  const result = await run(function* () {
    const generator = reading();
    let step = generator.next();
    while (!step.done) {
      const values = yield step.value;
      reads.push(values);
      step = generator.next(values);
    }
    return step.value;
  });
  return { result, reads };
}

/**
 * Runs to the end without reading anything: answers with the values of an earlier run. Inside
 * `tf.grads` this holds every selection fixed, which is what the gradient of a hard selection means.
 */
export function replay<T>(reading: () => Reading<T>, reads: readonly Values[]): T {
  let next = 0;
  return scoped(reading, (generator) => finish(generator, () => reads[next++]));
}

function finish<T>(generator: Reading<T>, answer: (tensor: tf.Tensor) => Values): T {
  let step = generator.next();
  while (!step.done) step = generator.next(answer(step.value));
  return step.value;
}

function scoped<T>(reading: () => Reading<T>, drive: (generator: Reading<T>) => T): T {
  const engine = tf.engine();
  engine.startScope("reading");
  let result: T | undefined;
  try {
    result = drive(reading());
    return result;
  } finally {
    engine.endScope(tensorsIn(result));
  }
}

/**
 * The tensors in nested arrays and plain objects, each once. tfjs has its own search, but that one walks through
 * every element of every typed array.
 */
export function tensorsIn(value: unknown): tf.Tensor[] {
  const seen = new Set<unknown>();
  const search = (item: unknown): tf.Tensor[] => {
    // What is shared is walked once: the layers of a state share long sequences.
    if (item === null || typeof item !== "object" || ArrayBuffer.isView(item) || seen.has(item)) return [];
    seen.add(item);
    return item instanceof tf.Tensor ? [item] : Object.values(item).flatMap(search);
  };
  return search(value);
}
