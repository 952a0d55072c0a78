import * as tf from "@tensorflow/tfjs";
import { Command, Option } from "commander";
import { BACKEND_NAMES, useBackend } from "../../src/backend/select.ts";
import { parseCount } from "../../src/cli/options.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { run, tensorsIn } from "../../src/core/readback.ts";
import type { Method } from "../../src/methods/method.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { type ForwardInputs, forward } from "../../src/pipeline/prefill.ts";
import { configOf, randomModel, SHAPES, type Shape } from "../bench/shapes.ts";

/**
 * Times whole passes and decoding on any backend, also on those that can be read only asynchronously
 * and so cannot be timed part by part as `npm run bench` does.
 */
const SEED = 1;
/** Text tokens before and after the image, as in `npm run bench`. */
const [BEFORE, AFTER] = [35, 20];
const DECODED = 6;

interface Options {
  readonly backend: string;
  readonly shape: readonly string[];
  readonly runs: number;
}

const names = SHAPES.map(({ name }) => name);
const options = new Command("times")
  .description("Times the forward pass and decoding, pruned (Nüwa, official, average 1/9) and unpruned.")
  .addOption(new Option("--backend <name>", "backend to measure").choices([...BACKEND_NAMES]).default("webgpu"))
  .addOption(new Option("--shape <names...>", "model sizes to measure").choices(names).default(names))
  .option("--runs <count>", "runs after the warm-up; figures are medians", parseCount, 5)
  .parse()
  .opts<Options>();

try {
  const { name, reason } = await useBackend(options.backend);
  console.log(`${name}: ${reason}`);
  for (const shape of SHAPES.filter((known) => options.shape.includes(known.name)))
    await timeShape(shape, options.runs);
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`times: ${error.message}`);
  process.exitCode = error.exitCode;
}

async function timeShape(shape: Shape, runs: number): Promise<void> {
  const config = configOf(shape);
  const model = randomModel(config, SEED);
  const [height, width] = config.vision.imageSize;
  const pixels = tf.randomNormal<tf.Rank.R4>([1, 3, height, width], 0, 1, "float32", SEED);
  const words = (count: number) => Array.from({ length: count }, (_, i) => config.imageTokenId + 1 + i);
  const inputs = { pixels, prompts: [[...words(BEFORE), config.imageTokenId, ...words(AFTER)]] };
  console.log(`\n${shape.name}: ${shape.description}; medians of ${runs} runs, milliseconds`);
  console.log(row("", "first pass", "pass", "token"));
  for (const name of ["none", "nuwa"]) {
    const method = createMethod(name, config, { average: { ratio: 1 / 9 } });
    // The first pass includes what is done once: compiling shaders, moving weights onto the GPU.
    const first = await timeOnce(model, inputs, method);
    const rest: Times[] = [];
    for (let i = 0; i < runs; i++) rest.push(await timeOnce(model, inputs, method));
    const figures = [first.pass, median(rest.map(({ pass }) => pass)), median(rest.map(({ token }) => token))];
    console.log(row(name === "none" ? "unpruned" : "pruned", ...figures.map((time) => time.toFixed(1))));
  }
  disposeModel(model);
  pixels.dispose();
}

interface Times {
  /** From pixels to logits that have been read. */
  readonly pass: number;
  /** One decoding step. */
  readonly token: number;
}

async function timeOnce(model: Llava, inputs: ForwardInputs, method: Method): Promise<Times> {
  const start = performance.now();
  const result = await run(() => forward(model, inputs, method));
  await result.logits.data();
  const pass = performance.now() - start;
  const tokens: number[] = [];
  let since = performance.now();
  for await (const _ids of generate(model, result, { maxNewTokens: DECODED + 1, stopTokens: [] })) {
    tokens.push(performance.now() - since);
    since = performance.now();
  }
  tf.dispose(tensorsIn(result));
  // The first token comes from the pass itself.
  return { pass, token: median(tokens.slice(1)) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function row(name: string, ...figures: string[]): string {
  return name.padEnd(12) + figures.map((figure) => figure.padStart(12)).join("");
}
