import { cudaLines, describeCuda } from "./cuda.ts";
import { describeGpu, type Gpu, nvidiaGpus } from "./gpu.ts";
import { activeSetup, nvidiaFolder } from "./locate.ts";
import type { GpuLog } from "./log.ts";
import { tryNative } from "./trial.ts";
import { whyUnused } from "./unused.ts";

/** What there is to say about the native backend on this machine. */
export interface NativeReport {
  /** Whether the backend `tensorflow` can be used. */
  readonly usable: boolean;
  /** Whether it computes on a GPU. */
  readonly usesGpu: boolean;
  /** The same for people: what is installed and where from, what it runs on, and the remedy of what is wrong. */
  readonly lines: readonly string[];
}

/**
 * Tries the native backend in a process of its own and says what is installed, where it comes from,
 * whether it computes on a GPU, and if there is a GPU that it does not use, why. Never throws.
 */
export async function nativeReport(): Promise<NativeReport> {
  const gpus = nvidiaGpus();
  const { answer, log } = tryNative();
  if (!answer.loaded) {
    const idle = gpus.map((gpu) => `GPU on this machine, not used by this backend: ${describeGpu(gpu)}`);
    return { usable: false, usesGpu: false, lines: [answer.reason, ...idle] };
  }
  const setup = activeSetup();
  const origin = setup ? `${setup.source}; set up by npm run setup:native` : "found in node_modules";
  const installed = `@tensorflow/tfjs-node-gpu ${answer.version} on TensorFlow ${answer.libraryVersion} (${origin})`;
  const device = answer.usesGpu ? [usedLine(answer.device, log)] : unusedLines(gpus, log, setup?.cuda ?? null);
  const cuda = setup ? cudaLines(describeCuda(nvidiaFolder(setup), answer.sharedLibraries ?? [])) : [];
  return { usable: true, usesGpu: answer.usesGpu, lines: [installed, ...cuda, ...device] };
}

/** The driver's tool says how much memory a GPU has, TensorFlow's log how much of it is for TensorFlow. */
function usedLine(device: string, { device: logged }: GpuLog): string {
  if (!logged) return `runs on the ${device}`;
  const name = device === "GPU" ? `GPU ${logged.name}` : device;
  return `runs on the ${name}; TensorFlow may use ${logged.memoryGiB.toFixed(1)} GiB`;
}

function unusedLines(gpus: readonly Gpu[], log: GpuLog, cuda: boolean | null): string[] {
  if (gpus.length === 0) return ["runs on the CPU; no NVIDIA GPU was found (nvidia-smi reports none)"];
  const names = gpus.map((gpu) => `${describeGpu(gpu)}, driver ${gpu.driver}`).join("; ");
  const { reason, remedy } = whyUnused(gpus, log, cuda, process.env.CUDA_VISIBLE_DEVICES);
  return [`runs on the CPU, although there is a GPU: ${names}`, `GPU not used: ${reason}. ${remedy}`];
}
