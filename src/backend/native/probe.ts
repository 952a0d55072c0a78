/**
 * A program of its own, so that a native library that crashes or hangs takes nothing else with it:
 * loads the native backend, checks two results against known numbers, and prints one line of JSON.
 *
 *     node --import tsx probe.ts [folder of the built package]
 */
import * as tf from "@tensorflow/tfjs";
import { loadTensorflow } from "../tensorflow.ts";
import type { TrialAnswer } from "./trial.ts";

/** A matrix product, and the gradient of gather, which needs a kernel that few backends have. */
function wrongNumbers(): string {
  return tf.tidy(() => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const rows = tf.tensor1d([1, 1, 0], "int32");
    const product = tf.matMul(x, x).dataSync().join();
    const gradient = tf
      .grad((t) => tf.sum(tf.gather(t as tf.Tensor2D, rows)))(x)
      .dataSync()
      .join();
    return product === "7,10,15,22" && gradient === "1,1,2,2" ? "" : `${product} and ${gradient}`;
  });
}

/** Paths of the shared libraries in memory, those that TensorFlow opened by itself among them. */
function sharedLibraries(): string[] {
  return (process.report.getReport() as { sharedObjects: string[] }).sharedObjects;
}

const status = await loadTensorflow(process.argv[2]);
let answer: TrialAnswer = status;
if (status.loaded) {
  await tf.setBackend("tensorflow");
  try {
    const wrong = wrongNumbers();
    answer = wrong
      ? { loaded: false, reason: `it computes wrong numbers: ${wrong}` }
      : { ...status, sharedLibraries: sharedLibraries() };
  } catch (error) {
    answer = { loaded: false, reason: `its first ops fail: ${(error as Error).message.split("\n")[0]}` };
  }
}
console.log(JSON.stringify(answer));
