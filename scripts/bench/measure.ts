import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../src/core/errors.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { enteringPerLayer } from "../../src/methods/ledger.ts";
import type { Method } from "../../src/methods/method.ts";
import type { Vlm } from "../../src/model/vlm.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { type ForwardInputs, forward } from "../../src/pipeline/prefill.ts";
import { PARTS, Stopwatch, type Times, waitFor } from "./stopwatch.ts";

/** Milliseconds. */
export interface Costs extends Times {
  /** One forward pass, from pixels to logits and ledger. */
  readonly pass: number;
  /** One decoding step: a token in, the next token's logits read and the best taken. */
  readonly decode: number;
}

/** What several runs of one method cost. */
export interface Measured {
  /** Medians of each part on its own, so that they need not add up to the whole. */
  readonly median: Costs;
  /** The fastest run of each part: nearest to what the machine can do when it does nothing else. */
  readonly fastest: Costs;
  /** Visual tokens entering each decoder layer. */
  readonly tokens: readonly number[];
}

/** Tokens decoded after each pass. */
export const DECODED = 6;

/**
 * Times several methods on the same inputs, in turns, so that what else the machine does meets all
 * alike. The first turn is a warm-up and does not count.
 *
 * @throws NuwaError when a run leaves tensors behind
 */
export async function measureMethods(
  model: Vlm,
  inputs: ForwardInputs,
  methods: readonly Method[],
  runs: number,
): Promise<Measured[]> {
  const samples = methods.map((): Costs[] => []);
  const tokens = methods.map((): readonly number[] => []);
  for (let run = 0; run <= runs; run++) {
    for (const [i, method] of methods.entries()) {
      const sample = await withoutLeaks(method.name, () => measureOnce(model, inputs, method));
      tokens[i] = sample.tokens;
      if (run > 0) samples[i].push(sample.costs);
    }
  }
  return samples.map((ofMethod, i) => ({
    tokens: tokens[i],
    median: summarise(ofMethod, median),
    fastest: summarise(ofMethod, (values) => Math.min(...values)),
  }));
}

function summarise(samples: readonly Costs[], how: (values: number[]) => number): Costs {
  const names = [...PARTS, "pass", "decode"] as const;
  return Object.fromEntries(names.map((name) => [name, how(samples.map((costs) => costs[name]))])) as unknown as Costs;
}

/** One pass and the steps behind it. Also used where turns are taken with another program. */
export async function measureOnce(
  model: Vlm,
  inputs: ForwardInputs,
  method: Method,
): Promise<{ costs: Costs; tokens: readonly number[] }> {
  const stopwatch = new Stopwatch();
  stopwatch.start();
  const result = runSync(() => forward(model, inputs, stopwatch.watch(method), stopwatch.tap));
  const times = stopwatch.stop(result.logits);
  const steps: number[] = [];
  let since = performance.now();
  for await (const _ids of generate(model, result, { maxNewTokens: DECODED + 1, stopTokens: [] })) {
    steps.push(performance.now() - since);
    since = performance.now();
  }
  tf.dispose(tensorsIn(result));
  const tokens = result.ledgers.flatMap((ledger) => (ledger ? enteringPerLayer(ledger) : []));
  const pass = PARTS.reduce((sum, part) => sum + times[part], 0);
  // The first token comes from the pass itself.
  return { costs: { ...times, pass, decode: median(steps.slice(1)) }, tokens };
}

/** Runs something that must free all tensors that it makes. @throws NuwaError when it leaves some behind */
export async function withoutLeaks<T>(what: string, use: () => Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  const result = await use();
  const left = tf.memory().numTensors - before;
  if (left !== 0) throw new NuwaError(`${what}: a run left ${left} tensors behind. This is a bug; please report it.`);
  return result;
}

/**
 * The best rate of a 2-D product on the current backend, in GFLOP/s, over the shapes that the linear
 * layers of a ViT-B have and one square product.
 */
export function bestMatMulRate(runs: number): number {
  const shapes = [
    [577, 768, 768],
    [577, 768, 3072],
    [577, 3072, 768],
    [1024, 1024, 1024],
  ];
  return Math.max(...shapes.map(([m, k, n]) => (2 * m * k * n) / 1e6 / shortestProduct(m, k, n, 3 * runs)));
}

/** Milliseconds of the fastest of several products [m, k] × [k, n]. */
function shortestProduct(m: number, k: number, n: number, runs: number): number {
  const factors = [tf.ones<tf.Rank.R2>([m, k]), tf.ones<tf.Rank.R2>([k, n])] as const;
  const times = Array.from({ length: runs + 1 }, () => {
    const since = performance.now();
    const product = tf.matMul(...factors);
    waitFor(product);
    product.dispose();
    return performance.now() - since;
  });
  tf.dispose([...factors]);
  return Math.min(...times.slice(1));
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
