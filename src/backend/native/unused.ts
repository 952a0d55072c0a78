import { type Gpu, visibleGpus } from "./gpu.ts";
import type { GpuLog } from "./log.ts";
import { setupRemedy } from "./remedy.ts";

/** Why a GPU that is there computes nothing, and the remedy. */
export interface UnusedGpu {
  readonly reason: string;
  readonly remedy: string;
}

/** How to build with CUDA. */
const BUILD_WITH_CUDA = `To build it with CUDA: ${setupRemedy(" -- --cuda")}.`;

/**
 * Why the GPUs of this machine are not used, though the tensorflow backend runs.
 *
 * @param gpus what the driver's tool reports; must not be empty
 * @param log what TensorFlow said
 * @param cuda whether libtensorflow was built with CUDA, where that is known
 * @param visible value of CUDA_VISIBLE_DEVICES
 */
export function whyUnused(
  gpus: readonly Gpu[],
  log: GpuLog,
  cuda: boolean | null,
  visible: string | undefined,
): UnusedGpu {
  if (visibleGpus(gpus, visible).length === 0)
    return { reason: `CUDA_VISIBLE_DEVICES="${visible}" hides it`, remedy: "Unset CUDA_VISIBLE_DEVICES." };
  if (cuda === false) return { reason: "this libtensorflow was built without CUDA", remedy: BUILD_WITH_CUDA };
  const libraries = log.missing.filter(({ library }) => !library.startsWith("libcuda.so"));
  if (libraries.length > 0) {
    const list = libraries.map(({ library, reason }) => `${library} (${reason})`).join(", ");
    return { reason: `not found: ${list}`, remedy: BUILD_WITH_CUDA };
  }
  const driver = log.driverError ?? log.missing[0]?.reason;
  if (driver) {
    return {
      reason: `the driver does not answer (${driver})`,
      remedy: "Give the program access to the GPU (in a container: docker run --gpus all), or reinstall the driver.",
    };
  }
  if (log.ignored)
    return { reason: `TensorFlow ignores it: ${log.ignored}`, remedy: "Use --backend webgpu on this GPU." };
  const found = "it was built with CUDA, and its log names nothing that is missing";
  return cuda
    ? {
        reason: found,
        remedy: "TF_CPP_MIN_LOG_LEVEL=0 TF_CPP_MAX_VLOG_LEVEL=1 before a nuwa command shows all of its log.",
      }
    : { reason: "most likely this libtensorflow was built without CUDA", remedy: BUILD_WITH_CUDA };
}
