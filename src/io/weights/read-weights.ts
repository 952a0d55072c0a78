import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { firstNonFinite } from "./finite-bits.js";
import { ReadAhead, type Reading } from "./read-ahead.ts";
import {
  type FloatDtype,
  floatsOf,
  floatTensor,
  type LocatedWeight,
  nonFiniteWeight,
  OpenFiles,
} from "./weight-files.ts";

/** Offsets of weights in a buffer are multiples of this, so that any kind of float may begin there. */
const ALIGNMENT = 64;

/**
 * Reads lists of weights from their files, one after the other: while a list becomes tensors and is computed with, a
 * worker reads the one that is expected next.
 */
export class WeightReader {
  readonly #files = new OpenFiles();
  readonly #reader = new ReadAhead();
  /** Used in turns: one is filled while the other one becomes tensors. */
  readonly #buffers: readonly [SharedArrayBuffer, SharedArrayBuffer];
  #turn = 0;
  #ahead: readonly LocatedWeight[] | undefined;
  /** Lists in which all values were finite: that is looked for once. */
  readonly #checked = new Set<readonly LocatedWeight[]>();

  /** @param largest bytes of the largest list, see {@link bufferBytes} */
  constructor(largest: number) {
    this.#buffers = [new SharedArrayBuffer(largest), new SharedArrayBuffer(largest)];
  }

  /**
   * The tensors of a list, by canonical name.
   *
   * @param next what will be read after it, to be begun at once; lists are known by identity
   * @throws NuwaError naming the file when it cannot be read, and the tensor when it holds NaN or infinite values
   */
  read(weights: readonly LocatedWeight[], next: readonly LocatedWeight[] | undefined): Map<string, tf.Tensor> {
    if (this.#ahead !== weights) this.#begin(weights);
    const problem = this.#reader.finish();
    this.#ahead = undefined;
    const buffer = this.#buffers[this.#turn];
    const { offsets } = layOut(weights);
    const bytesOf = (i: number) => new Uint8Array(buffer, offsets[i], byteLength(weights[i]));
    if (problem) {
      const weight = weights[problem.reading];
      if (problem.nonFinite === undefined)
        throw new NuwaError(`${weight.file.path}: ${problem.reason}. Check the file.`);
      throw nonFiniteWeight(weight, floatsOf(dtypeOf(weight), bytesOf(problem.reading))[problem.nonFinite]);
    }
    this.#checked.add(weights);
    this.#turn = 1 - this.#turn;
    if (next) this.#begin(next);
    return new Map(
      weights.map((weight, i) => [weight.name, floatTensor(dtypeOf(weight), bytesOf(i), weight.shape)] as const),
    );
  }

  /** Rows of a table, as float32. */
  rows(table: LocatedWeight, indices: readonly number[]): Float32Array {
    const [count, columns] = table.shape;
    const width = byteLength(table) / count;
    const values = new Float32Array(indices.length * columns);
    for (const [at, row] of indices.entries()) {
      const begin = table.entry.begin + row * width;
      const found = floatsOf(dtypeOf(table), this.#files.read(table.file.path, begin, begin + width));
      const bad = found.find((value) => !Number.isFinite(value));
      if (bad !== undefined) throw nonFiniteWeight(table, bad);
      values.set(found, at * columns);
    }
    return values;
  }

  /** Begins to read a list into the buffer whose turn it is, behind what is being read. */
  #begin(weights: readonly LocatedWeight[]): void {
    const { offsets } = layOut(weights);
    const readings = weights.map((weight, i): Reading => {
      const { begin, end } = weight.entry;
      const checked = this.#checked.has(weights) ? undefined : dtypeOf(weight);
      return { file: this.#files.open(weight.file.path), begin, end, at: offsets[i], checked };
    });
    this.#reader.begin(this.#buffers[this.#turn], readings);
    this.#ahead = weights;
  }

  /** Ends the worker and closes the files. */
  close(): void {
    this.#reader.finish();
    void this.#reader.end();
    this.#files.close();
  }
}

/** Below so many bytes starting a worker takes longer than reading. */
const WORTH_A_WORKER = 2 ** 26;

/**
 * Reads weights onto the current backend, as float32, each while the one before becomes a tensor.
 *
 * @throws NuwaError as {@link WeightReader.read}; nothing is left behind
 */
export function readWeights(weights: readonly LocatedWeight[]): Map<string, tf.Tensor> {
  const total = weights.reduce((sum, weight) => sum + byteLength(weight), 0);
  const tensors = new Map<string, tf.Tensor>();
  const reader = total < WORTH_A_WORKER ? new DirectReader() : new WeightReader(largestOf(weights));
  const lists = weights.map((weight) => [weight]);
  try {
    for (const [i, list] of lists.entries())
      for (const [name, tensor] of reader.read(list, lists[i + 1])) tensors.set(name, tensor);
    return tensors;
  } catch (error) {
    tf.dispose([...tensors.values()]);
    throw error;
  } finally {
    reader.close();
  }
}

/** Reads in this thread, as the worker does. */
class DirectReader {
  readonly #files = new OpenFiles();

  read([weight]: readonly LocatedWeight[]): Map<string, tf.Tensor> {
    const { file, entry, name, shape } = weight;
    const bytes = this.#files.read(file.path, entry.begin, entry.end);
    const bad = firstNonFinite(bytes, dtypeOf(weight));
    if (bad >= 0) throw nonFiniteWeight(weight, floatsOf(dtypeOf(weight), bytes)[bad]);
    return new Map([[name, floatTensor(dtypeOf(weight), bytes, shape)]]);
  }

  close(): void {
    this.#files.close();
  }
}

function largestOf(weights: readonly LocatedWeight[]): number {
  return weights.reduce((largest, weight) => Math.max(largest, bufferBytes([weight])), 0);
}

/** Memory that a list takes as it is in its files, in bytes. */
export function bufferBytes(weights: readonly LocatedWeight[]): number {
  return layOut(weights).size;
}

/** Where each weight lies in a buffer, and how large that is. */
function layOut(weights: readonly LocatedWeight[]): { readonly offsets: readonly number[]; readonly size: number } {
  let size = 0;
  const offsets = weights.map((weight) => {
    const at = size;
    size += Math.ceil(byteLength(weight) / ALIGNMENT) * ALIGNMENT;
    return at;
  });
  return { offsets, size };
}

function byteLength({ entry }: LocatedWeight): number {
  return entry.end - entry.begin;
}

/** Opening a model has refused other types. */
function dtypeOf({ entry }: LocatedWeight): FloatDtype {
  return entry.dtype as FloatDtype;
}
