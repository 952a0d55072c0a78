/**
 * Measures the peak memory of a pass and of decoding: the child process of `measurePeak`, whose answer is the last
 * line of stdout.
 */
import { readFileSync, writeFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { aroundKernels } from "../../src/analysis/cost/kernels.ts";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import type { Peak } from "./peak.ts";
import { shapeNamed } from "./shapes.ts";
import { subjectOf } from "./subject.ts";

const [backend, shape, method] = process.argv.slice(2);
await useBackend(backend);
// The backend makes what it needs for itself, such as its threads, when it first computes.
tf.matMul(tf.ones([64, 64]), tf.ones([64, 64])).dataSync();
const before = residentNow();
const { model, inputs, unpruned, pruned } = subjectOf(shapeNamed(shape));
const weights = bytesOf([...model.tensors.values()]);
// tensorflow copies a weight when it first computes with it, and what it was copied from is garbage then.
for (const weight of model.tensors.values()) weight.sum().dispose();
let alive = 0;
forgetPeak();
const stop = aroundKernels((_call, run) => {
  const outputs = run();
  alive = Math.max(alive, tf.memory().numBytes);
  return outputs;
});
const { state } = runSync(() => forward(model, inputs, method === unpruned.name ? unpruned : pruned));
const { state: end } = advance(model, state, [[model.config.imageTokenId + 1]]);
stop();
const cache = bytesOf(end.layers.flatMap((layer) => tensorsIn(layer.cache)));
const peak: Peak = { before, resident: status("VmHWM"), weights, cache, activations: alive - weights - cache };
console.log(JSON.stringify(peak));

function bytesOf(tensors: readonly tf.Tensor[]): number {
  return tensors.reduce((sum, { size }) => sum + 4 * size, 0);
}

/** A field of /proc/self/status, in bytes. */
function status(field: string): number {
  const [, kilobytes] =
    new RegExp(`^${field}:\\s*(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return 1024 * Number(kilobytes);
}

function residentNow(): number {
  collectGarbage();
  return status("VmRSS");
}

/** What it took to make the random weights does not count. Source: proc_pid_clear_refs(5). */
function forgetPeak(): void {
  collectGarbage();
  writeFileSync("/proc/self/clear_refs", "5");
}

function collectGarbage(): void {
  for (let i = 0; i < 3; i++) (globalThis as { gc?: () => void }).gc?.();
}
