import { describeAdapter } from "./prepare.ts";
import { tryWebgpu } from "./trial.ts";

/** What there is to say about WebGPU on this machine. */
export interface WebgpuReport {
  /** Whether the backend `webgpu` can be used. */
  readonly usable: boolean;
  /** The same for people: the GPU, or what is missing and the remedy. */
  readonly lines: readonly string[];
}

/** Asks for a GPU as the backend does, in a process of its own. Never throws. */
export function webgpuReport(): WebgpuReport {
  const trial = tryWebgpu();
  if (!trial.usable) return { usable: false, lines: [`optional, not usable: ${trial.reason}`] };
  const { adapter, variables, nvidiaUnused } = trial;
  const driver = variables.VK_ICD_FILENAMES;
  return {
    usable: true,
    lines: [
      `can run on ${describeAdapter(adapter)}, tensors up to ${(adapter.largestTensorBytes / 2 ** 30).toFixed(2)} ` +
        "GiB; only on request (--backend webgpu)",
      ...(nvidiaUnused ? [`not on the NVIDIA GPU: ${nvidiaUnused}`] : []),
      ...(driver ? [`driver found through ${driver}`] : []),
    ],
  };
}
