import { createRequire } from "node:module";
import util from "node:util";
import * as tf from "@tensorflow/tfjs";
import { describeGpu, nvidiaGpus, visibleGpus } from "./native/gpu.ts";
import { repairNativeKernels } from "./native/kernels.ts";
import { activeSetup, NATIVE_PACKAGE } from "./native/locate.ts";
import { setupRemedy } from "./native/remedy.ts";
import { SmallKernels } from "./native/small.ts";
import { computeSmallProducts } from "./native/small-products.ts";
import { computeSmallRows } from "./native/small-rows.ts";

/** Whether the native backend could be loaded, and if not, why, as the end of a sentence. */
export type TensorflowStatus =
  | {
      readonly loaded: true;
      /** Version of the package @tensorflow/tfjs-node-gpu. */
      readonly version: string;
      /** Version of the TensorFlow C library. */
      readonly libraryVersion: string;
      readonly usesGpu: boolean;
      /** What ops run on, for people: "CPU", or the GPU with its memory. */
      readonly device: string;
    }
  | { readonly loaded: false; readonly reason: string };

/** The part of the package's backend object that is used here. */
interface NativeBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

/** Backends that were loaded before: a kernel that was repaired twice would turn its product twice. */
const repaired = new WeakSet<object>();

/**
 * Loads @tensorflow/tfjs-node-gpu and registers its backend `tensorflow`: the copy that
 * `npm run setup:native` built, else the one in node_modules if that has a binary. Never throws.
 *
 * @param packageFolder a built copy to load instead of those
 */
export async function loadTensorflow(packageFolder?: string): Promise<TensorflowStatus> {
  prepareEnvironment();
  supplyRemovedFunctions();
  const folder = packageFolder ?? activeSetup()?.packageFolder;
  try {
    // `require`, because the copy lies outside node_modules, where bundlers and test runners would transform it.
    const native = createRequire(import.meta.url)(folder ?? NATIVE_PACKAGE) as typeof tf;
    if (native.engine() !== tf.engine())
      return {
        loaded: false,
        reason: `${NATIVE_PACKAGE} has its own copy of @tensorflow/tfjs (install again with npm)`,
      };
    const backend = tf.findBackend("tensorflow") as unknown as NativeBackend;
    const usesGpu = backend.isUsingGpuDevice;
    if (!repaired.has(backend)) {
      repaired.add(backend);
      repairNativeKernels(backend);
      if (!usesGpu) {
        const kernels = new SmallKernels(backend);
        computeSmallRows(kernels);
        computeSmallProducts(kernels);
      }
    }
    return {
      loaded: true,
      version: (native.version as Record<string, string>)["tfjs-node"],
      libraryVersion: backend.binding.TF_Version,
      usesGpu,
      device: usesGpu ? describeUsedGpu() : "CPU",
    };
  } catch (error) {
    return { loaded: false, reason: reasonOf(error as Error & { code?: string }, folder !== undefined) };
  }
}

/** TensorFlow reads these when its library is loaded; values that the user has set are kept. */
function prepareEnvironment(): void {
  // Level 1 hides TensorFlow's start-up messages, save what its library writes while it is loaded. With CUDA and no GPU
  // it would also call that an error, at every start.
  const withoutGpu = activeSetup()?.cuda !== false && nvidiaGpus().length === 0;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= withoutGpu ? "3" : "1";
  // Products with a transposed factor and those of attention are up to twice as fast (docs/performance.md). It says at
  // every start that its rounding depends on the processor, which nothing but "0" prevents.
  process.env.TF_ENABLE_ONEDNN_OPTS ??= "1";
  // GPU memory is taken as it is needed; otherwise the first program would take all of it for itself.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= "true";
  // Since Ampere, GPUs would round the factors of a matrix product to 10 bits of mantissa (TF32). The other
  // backends do not, and a selection may depend on the last bits of a score.
  process.env.NVIDIA_TF32_OVERRIDE ??= "0";
  // The order in which nvidia-smi lists GPUs, so that the one named to the user is the one that computes.
  process.env.CUDA_DEVICE_ORDER ??= "PCI_BUS_ID";
}

/** Node 23 removed two functions that the package calls when it runs its first op. */
function supplyRemovedFunctions(): void {
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
}

/** The binding computes on the last GPU that it sees. */
function describeUsedGpu(): string {
  const gpu = visibleGpus(nvidiaGpus(), process.env.CUDA_VISIBLE_DEVICES).at(-1);
  return gpu ? `GPU ${describeGpu(gpu)}` : "GPU";
}

function reasonOf(error: Error & { code?: string }, wasSetUp: boolean): string {
  const firstLine = error.message.split("\n")[0];
  if (wasSetUp) return `the native backend that was set up does not load (${firstLine}; ${setupRemedy()})`;
  if (error.code === "MODULE_NOT_FOUND" || firstLine.includes("tfjs_binding.node"))
    return `the native backend is not set up (${setupRemedy()})`;
  return `${NATIVE_PACKAGE} does not load (${firstLine})`;
}
