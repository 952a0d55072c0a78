import * as tf from "@tensorflow/tfjs";
import { NuwaError, UsageError } from "../core/errors.ts";
import { loadTensorflow } from "./tensorflow.ts";
import { prepareWasm } from "./wasm/prepare.ts";
import { describeAdapter, prepareWebgpu } from "./webgpu/prepare.ts";

/** The backends that a model can run on. */
export const BACKEND_NAMES = ["tensorflow", "wasm", "webgpu", "cpu"] as const;

/**
 * See {@link BACKEND_NAMES}. Only on request: `webgpu`, a GPU without CUDA, which can be read only
 * asynchronously, and `cpu`, plain JavaScript, right but slow.
 */
export type BackendName = (typeof BACKEND_NAMES)[number];

/** Which backend is used, and why this one. */
export interface BackendChoice {
  readonly name: BackendName;
  /** A sentence for the user. */
  readonly reason: string;
}

/**
 * Makes a backend the current one: the one asked for, else tensorflow where it is installed, else wasm.
 *
 * @param model `large` (unless given): tensorflow computes on a CPU with oneDNN, see {@link loadTensorflow}
 * @throws UsageError when there is no backend of that name, NuwaError when the one asked for cannot be had
 */
export async function useBackend(requested?: string, { large = true } = {}): Promise<BackendChoice> {
  if (requested !== undefined && !(BACKEND_NAMES as readonly string[]).includes(requested)) {
    throw new UsageError(`backend "${requested}" does not exist. There are: ${BACKEND_NAMES.join(", ")}.`);
  }
  const choice = await choose(requested as BackendName | undefined, large);
  if (!(await tf.setBackend(choice.name)))
    throw new NuwaError(`the ${choice.name} backend failed to start. Run "npx --no-install nuwa doctor".`);
  return choice;
}

async function choose(requested: BackendName | undefined, large: boolean): Promise<BackendChoice> {
  if (requested === "cpu") {
    // The cpu backend advertises the native one on stderr unless tfjs runs in its production mode.
    tf.enableProdMode();
    return { name: "cpu", reason: "asked for; plain JavaScript, for small checks only" };
  }
  if (requested === "wasm") {
    await prepareWasm();
    return { name: "wasm", reason: "asked for" };
  }
  if (requested === "webgpu")
    return { name: "webgpu", reason: `asked for; on ${describeAdapter(await prepareWebgpu())}` };
  const native = await loadTensorflow(undefined, large);
  if (native.loaded)
    return {
      name: "tensorflow",
      reason:
        `${requested ? "asked for" : "the native backend is installed"}; ` +
        `TensorFlow ${native.libraryVersion} on ${native.device}`,
    };
  if (requested === "tensorflow") throw new NuwaError(`the tensorflow backend cannot be used: ${native.reason}.`);
  await prepareWasm();
  return { name: "wasm", reason: `embedded default; tensorflow is not used because ${native.reason}` };
}
