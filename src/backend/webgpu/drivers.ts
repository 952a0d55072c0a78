import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Variables to add to the environment before Vulkan's loader is started; none: it is left to search by itself. */
export type LoaderVariables = Readonly<Record<string, string>>;

/** What is to be known about Vulkan drivers before one is loaded. */
export interface VulkanDrivers {
  /** Whether an NVIDIA GPU is there, by the device files of its kernel driver. */
  readonly nvidiaGpu: boolean;
  /** Ways to start the loader, the best first; never empty. */
  readonly attempts: readonly LoaderVariables[];
}

/** Device files that NVIDIA's kernel driver makes. */
const NVIDIA_DEVICES = ["/dev/nvidiactl", "/dev/nvidia0"];

/** Where containers get NVIDIA's user-space driver mounted, manifest included, where the loader does not search. */
const MOUNTED_MANIFEST = "/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json";

const LIBRARY_FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/lib64",
  "/usr/local/nvidia/lib64",
  "/usr/local/nvidia/lib",
];

/** NVIDIA's Vulkan driver lies in either library. The first needs the X11 client libraries, the second does not. */
const DRIVER_LIBRARIES = [
  { library: "libGLX_nvidia.so.0", manifest: "manifests/nvidia-glx.json" },
  { library: "libEGL_nvidia.so.0", manifest: "manifests/nvidia-egl.json" },
];

/**
 * Looks for the NVIDIA driver that Vulkan's loader would miss: on machines made for computing its
 * libraries are often there without the manifest that names them, or without what the first of them
 * needs. What the user has set stays as it is.
 *
 * How the loader itself searches: https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderDriverInterface.md
 *
 * @param environment variables as in `process.env`
 * @param exists whether there is such a file; a test can describe another machine here
 */
export function findVulkanDrivers(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  exists: (path: string) => boolean = existsSync,
): VulkanDrivers {
  const nvidiaGpu = NVIDIA_DEVICES.some(exists);
  if (!nvidiaGpu || environment.VK_DRIVER_FILES || environment.VK_ICD_FILENAMES) return { nvidiaGpu, attempts: [{}] };
  const folders = [...LIBRARY_FOLDERS, ...(environment.LD_LIBRARY_PATH?.split(delimiter) ?? [])];
  const manifests = [
    ...[MOUNTED_MANIFEST].filter(exists),
    ...DRIVER_LIBRARIES.filter(({ library }) => folders.some((folder) => exists(join(folder, library)))).map(
      ({ manifest }) => fileURLToPath(new URL(manifest, import.meta.url)),
    ),
  ];
  // VK_ICD_FILENAMES and not its successor VK_DRIVER_FILES, because older loaders know it too.
  return { nvidiaGpu, attempts: [{}, ...manifests.map((manifest) => ({ VK_ICD_FILENAMES: manifest }))] };
}
