/** What TensorFlow's own log reports about GPUs. */
export interface GpuLog {
  /** CUDA libraries that it did not find, with the loader's reason. */
  readonly missing: readonly { readonly library: string; readonly reason: string }[];
  /** What the driver answered when it could not be started. */
  readonly driverError?: string;
  /** A GPU that TensorFlow will not use, and why, in its own words. */
  readonly ignored?: string;
  /** The device that ops run on: its name, and the memory that TensorFlow may use, in GiB. */
  readonly device?: { readonly name: string; readonly memoryGiB: number };
}

/** Libraries of features that nothing here uses (TensorRT, NVSHMEM); TensorFlow runs without them. */
const UNUSED = /^libnv(infer|shmem)/;

/**
 * Reads TensorFlow's log, as written with TF_CPP_MIN_LOG_LEVEL=0 and TF_CPP_VMODULE=dso_loader=1.
 * The phrases are those of TensorFlow 2.9 to 2.21 (dso_loader.cc, cuda_platform.cc, gpu_device.cc).
 */
export function readGpuLog(log: string): GpuLog {
  const missing = new Map<string, string>();
  for (const [, library, reason] of log.matchAll(/Could not load dynamic library '([^']+)'; dlerror: ([^;\n]+)/g))
    if (!UNUSED.test(library) && !missing.has(library)) missing.set(library, reason.trim());
  // The binding computes on the last GPU of TensorFlow's list.
  const device = [...log.matchAll(/Created device \S*device:GPU:\d+ with (\d+) MB memory:.*?name: ([^,\n]+)/g)].at(-1);
  return {
    missing: [...missing].map(([library, reason]) => ({ library, reason })),
    driverError: /failed call to cuInit: ([^\n]+)/.exec(log)?.[1],
    ignored: /Ignoring visible gpu device ([^\n]+)/.exec(log)?.[1],
    device: device && { name: device[2], memoryGiB: Number(device[1]) / 1024 },
  };
}
