import { execFileSync } from "node:child_process";

/** An NVIDIA GPU as its driver describes it. */
export interface Gpu {
  /** Position in the order of the PCI bus, from 0. */
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  /** All of its memory, in GiB. */
  readonly memoryGiB: number;
  /** Version of the driver, such as "570.86.15". */
  readonly driver: string;
}

/** The NVIDIA GPUs of this machine; none where there is no driver (or its tool `nvidia-smi` is not installed). */
export function nvidiaGpus(): Gpu[] {
  const query = ["--query-gpu=index,uuid,name,memory.total,driver_version", "--format=csv,noheader,nounits"];
  try {
    const answer = execFileSync("nvidia-smi", query, { encoding: "utf8", stdio: "pipe", timeout: 20_000 });
    return parseGpus(answer);
  } catch {
    return [];
  }
}

/** Reads what `nvidia-smi` answers to the query of {@link nvidiaGpus}: a GPU a line, memory in MiB. */
export function parseGpus(csv: string): Gpu[] {
  return csv
    .split("\n")
    .map((line) => line.split(", "))
    .filter((fields) => fields.length === 5)
    .map(([index, uuid, name, memory, driver]) => ({
      index: Number(index),
      uuid,
      name,
      memoryGiB: Number(memory) / 1024,
      driver,
    }));
}

/**
 * The GPUs that CUDA_VISIBLE_DEVICES lets a program see, in the program's order. As in CUDA, the list
 * ends at the first entry that names no GPU.
 *
 * @param visible value of CUDA_VISIBLE_DEVICES: indices or UUIDs (or their beginnings); undefined means all
 */
export function visibleGpus(gpus: readonly Gpu[], visible: string | undefined): Gpu[] {
  if (visible === undefined) return [...gpus];
  const seen: Gpu[] = [];
  for (const entry of visible.split(",").map((text) => text.trim())) {
    const gpu = gpus.find(({ index, uuid }) =>
      /^\d+$/.test(entry) ? index === Number(entry) : entry !== "" && uuid.startsWith(entry),
    );
    if (!gpu) break;
    seen.push(gpu);
  }
  return seen;
}

/** "NVIDIA H200 (139.8 GiB)". */
export function describeGpu({ name, memoryGiB }: Pick<Gpu, "name" | "memoryGiB">): string {
  return `${name} (${memoryGiB.toFixed(1)} GiB)`;
}
