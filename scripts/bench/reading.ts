import { closeSync, openSync, readSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { safetensorsFiles } from "../../src/io/checkpoint.ts";
import { loadModel } from "../../src/io/load.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { median } from "./measure.ts";
import { waitFor } from "./stopwatch.ts";

/*
 * What no program can be faster than: a decoding step reads every weight of the decoder, loading reads every byte of
 * the files.
 */

/** How fast the weights of the decoder can be read. */
export interface Reading {
  readonly bytes: number;
  /** Of the fastest of the ways below, in its fastest run. */
  readonly milliseconds: number;
  /** Which way that was. */
  readonly way: string;
}

/** Ways to read a matrix once on any backend; what comes out is small. */
const WAYS: Readonly<Record<string, (matrix: tf.Tensor2D) => tf.Tensor>> = {
  "the product with one row": (matrix) => tf.matMul(tf.ones<tf.Rank.R2>([1, matrix.shape[0]]), matrix),
  "the sum": (matrix) => tf.sum(matrix),
  "the maximum": (matrix) => tf.max(matrix),
};

/** Reads all matrices that a decoding step multiplies with, several times over. */
export function readWeights({ tensors, config }: Vlm, runs: number): Reading {
  // Of the embeddings a step reads one row, unless they are the head, too.
  const embeddings = config.text.tieWordEmbeddings ? /$^/ : /embed_tokens\.weight$/;
  const matrices = [...tensors].filter(
    ([name, { rank }]) => name.startsWith("language_model.") && rank === 2 && !embeddings.test(name),
  );
  const bytes = 4 * matrices.reduce((sum, [, { size }]) => sum + size, 0);
  const readings = Object.entries(WAYS).map(([way, read]) => {
    const times = Array.from({ length: runs + 1 }, () => {
      const since = performance.now();
      tf.tidy(() => {
        for (const [, matrix] of matrices) waitFor(read(matrix as tf.Tensor2D));
      });
      return performance.now() - since;
    });
    return { bytes, way, milliseconds: Math.min(...times.slice(1)) };
  });
  return readings.reduce((best, one) => (one.milliseconds < best.milliseconds ? one : best));
}

/** What loading a checkpoint took, and reading its files, turn by turn. Milliseconds. */
export interface LoadReport {
  readonly backend: string;
  readonly folder: string;
  readonly bytes: number;
  readonly loading: readonly number[];
  readonly reading: readonly number[];
}

/**
 * Loads the weights of a checkpoint and reads its files, in turns after a warm-up: from the memory that the system
 * keeps of files, where they fit into it.
 *
 * @throws NuwaError as `loadModel`
 */
export function compareLoading(backend: string, folder: string, runs: number): LoadReport {
  const paths = safetensorsFiles(folder).map(({ path }) => path);
  const [loading, reading]: [number[], number[]] = [[], []];
  let bytes = 0;
  for (let run = 0; run <= runs; run++) {
    const started = performance.now();
    bytes = paths.reduce((sum, path) => sum + readBytes(path), 0);
    const read = performance.now();
    disposeModel(loadModel(folder));
    const loaded = performance.now();
    if (run === 0) continue;
    reading.push(read - started);
    loading.push(loaded - read);
  }
  return { backend, folder, bytes, loading, reading };
}

/** How many bytes a file has, from reading all of them. */
function readBytes(path: string): number {
  const buffer = Buffer.allocUnsafe(16 * 2 ** 20);
  const file = openSync(path, "r");
  try {
    let all = 0;
    for (let read = -1; read !== 0; all += read) read = readSync(file, buffer);
    return all;
  } finally {
    closeSync(file);
  }
}

/** Prints the ratios pair by pair. */
export function printLoading({ backend, folder, bytes, loading, reading }: LoadReport): void {
  const ratios = loading.map((time, i) => time / reading[i]);
  console.log(`\n${backend}: loading ${folder}, ${(bytes / 1e9).toFixed(3)} GB; median of ${loading.length}`);
  console.log(
    `loading ${median(loading).toFixed(0)} ms, reading the bytes ${median(reading).toFixed(0)} ms, ratio ` +
      `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`,
  );
}
