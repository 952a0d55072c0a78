import { describeGpu, nvidiaGpus } from "./gpu.ts";
import { activeSetup } from "./locate.ts";
import { type TrialResult, tryNative } from "./trial.ts";
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
  const present = gpus.map((gpu) => `${describeGpu(gpu)}, driver ${gpu.driver}`);
  const trial = tryNative();
  if (!trial.answer.loaded) {
    return {
      usable: false,
      usesGpu: false,
      lines: [trial.answer.reason, ...present.map((gpu) => `GPU on this machine, not used: ${gpu}`)],
    };
  }
  const setup = activeSetup();
  const { version, libraryVersion, usesGpu } = trial.answer;
  const origin = setup ? `${setup.source}, set up by npm run setup:native` : "found in node_modules";
  return {
    usable: true,
    usesGpu,
    lines: [
      `@tensorflow/tfjs-node-gpu ${version} on TensorFlow ${libraryVersion} (${origin})`,
      ...(usesGpu ? [usedLine(trial)] : unusedLines(trial, setup?.cuda ?? null, present)),
    ],
  };

  function unusedLines({ log }: TrialResult, cuda: boolean | null, names: readonly string[]): string[] {
    if (gpus.length === 0) return ["runs on the CPU; no NVIDIA GPU was found (nvidia-smi reports none)"];
    const { reason, remedy } = whyUnused(gpus, log, cuda, process.env.CUDA_VISIBLE_DEVICES);
    return [`runs on the CPU, although there is a GPU: ${names.join("; ")}`, `GPU not used: ${reason}. ${remedy}`];
  }
}

/** TensorFlow's log names the device and what it may use of its memory; the answer itself names it as the driver does. */
function usedLine({ answer, log }: TrialResult): string {
  const named = answer.loaded ? answer.device : "";
  if (!log.device) return `runs on the ${named}`;
  const memory = `TensorFlow may use ${log.device.memoryGiB.toFixed(1)} GiB`;
  return named === "GPU" ? `runs on the GPU ${log.device.name} (${memory})` : `runs on the ${named}; ${memory}`;
}
