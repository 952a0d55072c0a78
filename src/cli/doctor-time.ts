import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import { type ModelPlan, mostVisualTokens, type OpenedModel, planModel, TEXT_TOKENS } from "../io/load.ts";
import { layerOf, type MemoryPlan, type PlannedWeight } from "../io/weights/plan.ts";
import { bufferBytes, WeightReader } from "../io/weights/read-weights.ts";
import type { LocatedWeight } from "../io/weights/weight-files.ts";
import type { VlmConfig } from "../model/vlm.ts";
import { duration } from "../train/engine/progress-report.ts";
import type { Fact } from "./doctor-model.ts";
import { describePlan, gigabytes, type MemoryOption } from "./memory.ts";

/**
 * What of a model fits into memory, how it would run on the current backend, and about how long a question takes: a
 * line for each part. Measures the machine for some seconds and reads some of the weights.
 *
 * @throws NuwaError naming the tensor, when one that is read is damaged
 */
export function runFacts(opened: OpenedModel, { memory }: MemoryOption): Fact[] {
  let plan: ModelPlan;
  try {
    plan = planModel(opened, memory);
  } catch (error) {
    if (!(error instanceof NuwaError)) throw error;
    return [["runs", `not here: ${error.message}`]];
  }
  const rates = measureRates(plan);
  const times = estimate(opened.config, plan, rates);
  const tokens = mostVisualTokens(opened.config) + TEXT_TOKENS;
  const image = opened.config.imageShape ? "an image" : "a large image";
  const gigaflops = (rates.products / 1e9).toFixed(0);
  return [
    ["memory", describePlan(plan) ?? `${gigabytes(plan.bytes)}; all weights are held`],
    [
      "measured",
      `products ${gigaflops} GFLOP/s, of one row ${perSecond(rates.rows)} of weights, ` +
        `files ${perSecond(rates.reading)}`,
    ],
    ["estimate", "from these rates and operation counts, without pruning, while nothing else runs:"],
    ["", `${seconds(times.loading)} to load the weights that are held`],
    ["", `${seconds(times.tower)} for the tower (${image})`],
    ["", `${seconds(times.prefill)} for the decoder up to the first token of the answer (${tokens} tokens)`],
    ["", `${seconds(times.token)} for each further token`],
  ];
}

function perSecond(rate: number): string {
  return `${(rate / 1e9).toFixed(1)} GB/s`;
}

function seconds(time: number): string {
  return time < 10 ? `${time.toPrecision(2)} s` : duration(time);
}

/** What a machine does in a second, on the current backend. */
export interface Rates {
  /** Floating-point operations of products of many rows, as those of a prefill. */
  readonly products: number;
  /** Bytes of float32 weights that products of a single row go through, as those of a decoding step. */
  readonly rows: number;
  /** Bytes of a checkpoint that are read and made tensors, the next ones being read meanwhile. */
  readonly reading: number;
}

/** Seconds that the parts of a run are estimated to take. */
export interface Estimate {
  /** The weights that are held are read once. */
  readonly loading: number;
  readonly tower: number;
  /** All tokens of a prompt with one unpruned image, up to the first token of the answer. */
  readonly prefill: number;
  /** Each further token of the answer. */
  readonly token: number;
}

/**
 * How long a question about one image takes without pruning, from operation counts: two for each weight and row of the
 * matrices, and the products of attention. A layer that is read while the one before computes takes the longer of both
 * at prefill; in a decoding step, which goes through each weight once, both.
 */
export function estimate(
  { facts, text, ...config }: Pick<VlmConfig, "facts" | "text" | "imageShape">,
  { held, streamed }: Pick<MemoryPlan, "held" | "streamed">,
  rates: Rates,
): Estimate {
  const visual = mostVisualTokens(config);
  const patches = visual * (facts.patchesPerToken ?? 1);
  const tokens = visual + TEXT_TOKENS;
  const read = streamed.flatMap(({ weights }) => weights);
  const all = [...held, ...read];
  const [tower, others] = partition(all, ({ name }) => isTower(name));
  const [layers, rest] = partition(others, ({ name }) => layerOf(name) !== undefined);
  // The head sees the last token alone, and of the table of embeddings rows are taken.
  const head = rest.filter(({ name }) => name.endsWith("lm_head.weight"));
  const projector = rest.filter(({ name }) => /projector|merger/.test(name));
  const attention = 4 * tokens ** 2 * text.numHiddenLayers * text.numAttentionHeads * text.headDim;
  const towerAttention = 4 * patches ** 2 * tower.reduce((sum, weight) => sum + queriesWidth(weight), 0);
  const towerWork = 2 * patches * matrixSize(tower) + towerAttention;
  const prefillWork = 2 * (tokens * matrixSize(layers) + visual * matrixSize(projector) + matrixSize(head)) + attention;
  const [towerRead, layersRead] = partition(read, ({ name }) => isTower(name));
  const reading = (weights: readonly PlannedWeight[]) => fileBytes(weights) / rates.reading;
  return {
    loading: reading(held),
    tower: Math.max(towerWork / rates.products, reading(towerRead)),
    prefill: Math.max(prefillWork / rates.products, reading(layersRead)),
    token: reading(layersRead) + (4 * (matrixSize(layers) + matrixSize(head))) / rates.rows,
  };
}

function isTower(name: string): boolean {
  return /^vis/.test(name) && !/merger/.test(name);
}

/** The width of a block's queries, where a weight makes them. */
function queriesWidth({ name, shape }: PlannedWeight): number {
  return /self_attn\.q_proj\.weight$|attn\.qkv\.weight$/.test(name) ? shape[1] : 0;
}

function partition<T>(list: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [list.filter(isFirst), list.filter((one) => !isFirst(one))];
}

/** Values of the matrices among some weights. Of other shapes there are few. */
function matrixSize(weights: readonly PlannedWeight[]): number {
  return weights.reduce((sum, { shape }) => sum + (shape.length > 1 ? shape.reduce((a, b) => a * b) : 0), 0);
}

function fileBytes(weights: readonly PlannedWeight[]): number {
  return weights.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Rows and sides of the matrices that are multiplied: 4.3 billion operations, 64 MiB of weights. */
const PRODUCT = { rows: 512, side: 2048 };
const ROW_PRODUCT = { rows: 1, side: 4096 };
/** Milliseconds that a measurement takes, and its calls at least, of which the first does not count. */
const MEASURED = 300;
const LEAST_CALLS = 3;
/** Bytes of a checkpoint that are read at most. */
const READ_BYTES = 1.5e9;

/** Measures what the machine does on the current backend now, in some seconds. */
export function measureRates(plan: ModelPlan): Rates {
  const products = (2 * PRODUCT.rows * PRODUCT.side ** 2) / shortestProduct(PRODUCT);
  const rows = (4 * ROW_PRODUCT.side ** 2) / shortestProduct(ROW_PRODUCT);
  return { products, rows, reading: readingRate(plan) };
}

/** Seconds of the fastest x·Wᵀ. */
function shortestProduct({ rows, side }: typeof PRODUCT): number {
  const x = tf.ones<tf.Rank.R2>([rows, side]);
  const w = tf.ones<tf.Rank.R2>([side, side]);
  const times: number[] = [];
  const begun = performance.now();
  while (times.length < LEAST_CALLS || performance.now() - begun < MEASURED) {
    const since = performance.now();
    const product = tf.matMul(x, w, false, true);
    product.dataSync();
    product.dispose();
    times.push(performance.now() - since);
  }
  tf.dispose([x, w]);
  return Math.min(...times.slice(1)) / 1000;
}

/** Reads some layers as a pass would, or where all are held some weights; the first list does not count. */
function readingRate({ held, streamed }: ModelPlan): number {
  const lists = streamed.length > 0 ? streamed.map(({ weights }) => weights) : held.map((weight) => [weight]);
  // The largest first: small ones say little of the rate.
  const sorted = [...lists].sort((a, b) => fileBytes(b) - fileBytes(a));
  const chosen: (readonly LocatedWeight[])[] = [];
  for (const list of sorted) if (fileBytes(chosen.flat()) + fileBytes(list) <= READ_BYTES) chosen.push(list);
  if (chosen.length === 0) chosen.push(sorted[sorted.length - 1]);
  const reader = new WeightReader(Math.max(...chosen.map(bufferBytes)));
  const from = chosen.length > 1 ? 1 : 0;
  let since = performance.now();
  try {
    chosen.forEach((list, i) => {
      tf.dispose([...reader.read(list, chosen[i + 1]).values()]);
      if (i < from) since = performance.now();
    });
    return fileBytes(chosen.slice(from).flat()) / ((performance.now() - since) / 1000);
  } finally {
    reader.close();
  }
}
