import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { useBackend } from "../../src/backend/select.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { writeAtomically } from "../../src/io/files.ts";
import { loadModel } from "../../src/io/load.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { LlavaConfig } from "../../src/model/llava/config.ts";
import { requireLlava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { measureMethods } from "../bench/measure.ts";

/**
 * Times a checkpoint as `npm run bench` times its shapes: loading it, then passes and decoding, unpruned and pruned
 * (Nüwa, official, average 1/9), on one picture of noise and as many text tokens as LLaVA's prompt has.
 *
 *     node --import tsx scripts/machine/checkpoint.ts --model FOLDER --backend NAME --runs COUNT --json FILE
 */
const SEED = 1;
const [BEFORE, AFTER] = [35, 20];

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    backend: { type: "string" },
    runs: { type: "string" },
    json: { type: "string" },
  },
});

try {
  const { model, backend, runs, json } = values as Required<typeof values>;
  const { name, reason } = await useBackend(backend);
  console.log(`${name}: ${reason}`);
  const figures = await timeCheckpoint(model, Number(runs));
  for (const method of ["unpruned", "pruned"] as const) {
    const { pass, decode } = figures[method].median;
    console.log(`${method.padEnd(10)} pass ${pass.toFixed(1)} ms, token ${decode.toFixed(1)} ms (medians)`);
  }
  writeAtomically(json, `${JSON.stringify(figures, null, 2)}\n`);
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`checkpoint: ${error.message}`);
  process.exitCode = error.exitCode;
}

async function timeCheckpoint(folder: string, runs: number) {
  const since = performance.now();
  const model = requireLlava(loadModel(folder));
  const loadSeconds = (performance.now() - since) / 1000;
  const { config } = model;
  const weightBytes = [...model.tensors.values()].reduce((sum, { size }) => sum + 4 * size, 0);
  const [height, width] = config.vision.imageSize;
  const random = randomFrom(SEED);
  const noise = Float32Array.from({ length: 3 * height * width }, () => normal(random));
  const pixels = tf.tensor4d(noise, [1, 3, height, width]);
  const prompts = [[...words(BEFORE, config), config.imageTokenId, ...words(AFTER, config)]];
  const methods = ["none", "nuwa"].map((name) => createMethod(name, config, { average: { ratio: 1 / 9 } }));
  try {
    const [unpruned, pruned] = await measureMethods(model, { pixels, prompts }, methods, runs);
    const peakResidentBytes = process.resourceUsage().maxRSS * 1024;
    return { weightBytes, loadSeconds, runs, unpruned, pruned, peakResidentBytes };
  } finally {
    disposeModel(model);
    pixels.dispose();
  }
}

/** Ids of the vocabulary other than the one that stands for the image. */
function words(count: number, { imageTokenId, text }: LlavaConfig): number[] {
  return Array.from({ length: count }, (_, i) => (imageTokenId + 1 + (i % (text.vocabSize - 1))) % text.vocabSize);
}
