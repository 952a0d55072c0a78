import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * The CUDA libraries that TensorFlow opens by name, and what those need in turn; in `nvidia/<name>/lib/`.
 * Helpers that a library of the list opens itself, beside itself, are not among them.
 */
const CUDA_LIBRARY =
  /^lib(cudart|nvJitLink|nvrtc|cublasLt|cublas|cufft|curand|cusparse|cusolver|cudnn|cupti|nccl)\.so\.\d+(\.\d+)?$/;

/** Full paths of the CUDA libraries in an `nvidia` folder; none where there is no such folder. */
export function cudaLibraries(nvidia: string): string[] {
  if (!existsSync(nvidia)) return [];
  return readdirSync(nvidia)
    .map((name) => join(nvidia, name, "lib"))
    .filter(existsSync)
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => CUDA_LIBRARY.test(name))
        .map((name) => join(folder, name)),
    )
    .sort();
}

/** A library of CUDA beside TensorFlow. */
export interface CudaLibrary {
  /** Without what all of them have in common: "cublas" for libcublas.so.12. */
  readonly name: string;
  /** Version of the wheel that it came in; undefined where the wheel left no record beside it. */
  readonly version?: string;
  /** Whether it was in memory while TensorFlow computed. */
  readonly loaded: boolean;
}

/**
 * The CUDA libraries in an `nvidia` folder with their versions. A wheel unpacks `nvidia-cublas-cu12` into
 * `nvidia/cublas/`, and beside `nvidia/` a folder `nvidia_cublas_cu12-12.9.1.4.dist-info`.
 *
 * @param nvidia the folder, or a link to it
 * @param loaded full paths of shared libraries that a process had in memory
 */
export function describeCuda(nvidia: string, loaded: readonly string[]): CudaLibrary[] {
  const files = cudaLibraries(nvidia);
  if (files.length === 0) return [];
  const versions = wheelVersions(dirname(realpathSync(nvidia)));
  const inMemory = new Set(loaded.filter(existsSync).map((path) => realpathSync(path)));
  return files.map((path) => ({
    name: libraryName(path),
    version: versions.get(basename(dirname(dirname(path)))),
    loaded: inMemory.has(realpathSync(path)),
  }));
}

/** "cublas" for a path that ends in libcublas.so.12. */
function libraryName(path: string): string {
  return CUDA_LIBRARY.exec(basename(path))?.[1] ?? basename(path);
}

/** Versions of the NVIDIA wheels unpacked in a site-packages folder, by their folder in `nvidia/`. */
function wheelVersions(sitePackages: string): Map<string, string> {
  const found = readdirSync(sitePackages).map((name) => /^nvidia_(\w+)_cu\d+-(.+)\.dist-info$/.exec(name));
  return new Map(found.flatMap((match) => (match ? [[match[1], match[2]] as const] : [])));
}

/** The libraries as lines of text: those in memory with their versions, then those that are not, if any. */
export function cudaLines(libraries: readonly CudaLibrary[]): string[] {
  const list = (loaded: boolean) =>
    libraries
      .filter((library) => library.loaded === loaded)
      .map(({ name, version }) => `${name} ${version ?? "(version not recorded)"}`)
      .join(", ");
  return [`CUDA libraries, loaded: ${list(true)}`, `CUDA libraries, NOT loaded: ${list(false)}`].filter(
    (line) => !line.endsWith(": "),
  );
}
