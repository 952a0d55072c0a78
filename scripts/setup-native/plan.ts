import { NuwaError, UsageError } from "../../src/core/errors.ts";

/** The TensorFlow of PyPI that this project is tested with. */
export const TESTED_TENSORFLOW = "2.21.0";

/** The oldest libtensorflow that is accepted: the one that the published binary of 4.22.0 was built with is 2.9.1. */
export const OLDEST_TENSORFLOW = "2.9";

/** Where libtensorflow can come from. */
export type Source =
  /** What the package's authors publish: libtensorflow 2.9.1, for CUDA 11.2, and a binding that fits it. */
  | { readonly kind: "published" }
  /** A wheel of PyPI; with CUDA also the `nvidia-*` wheels that it names. */
  | { readonly kind: "pypi"; readonly version: string; readonly cuda: boolean }
  /** A folder of this machine. */
  | { readonly kind: "path"; readonly path: string };

/** What the user asked for. */
export interface Request {
  /** "published", "pypi", "pypi:VERSION" or a folder; undefined: whatever works. */
  readonly libtensorflow?: string;
  /** Only a CUDA build will do. */
  readonly cuda?: boolean;
}

/** What the choice depends on. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Version of the GNU C library; undefined where there is another one (musl). */
  readonly glibc?: string;
  /** Version of the NVIDIA driver; undefined without a GPU. */
  readonly driver?: string;
}

/** Oldest driver that runs CUDA 12 programs. */
const OLDEST_DRIVER = "525.60";

/**
 * The sources to try, in order: the one asked for; else the published binary, PyPI (with CUDA where
 * there is an NVIDIA GPU), and what is found on the machine.
 *
 * @param found folders of this machine that hold a libtensorflow
 * @throws UsageError, NuwaError when the request cannot be met on this machine
 */
export function planSources(request: Request, machine: Machine, found: readonly string[] = []): Source[] {
  if (machine.platform !== "linux" || !["x64", "arm64"].includes(machine.arch)) {
    throw new NuwaError(
      `the native backend is set up on Linux (x64 or arm64) only, and this is ${machine.platform} on ` +
        `${machine.arch}. Use the wasm backend.`,
    );
  }
  if (!machine.glibc) {
    throw new NuwaError(
      "libtensorflow needs the GNU C library, which this system (Alpine?) does not use. Use a Debian or Fedora " +
        "image, or the wasm backend.",
    );
  }
  const asked = request.libtensorflow;
  if (request.cuda) requireCuda(asked, machine);
  const cuda = request.cuda ?? whyNoCuda(machine) === undefined;
  if (asked === undefined) {
    const pypi: Source = { kind: "pypi", version: TESTED_TENSORFLOW, cuda };
    if (request.cuda) return [pypi];
    const published: Source[] = machine.arch === "x64" ? [{ kind: "published" }] : [];
    return [...published, pypi, ...found.map((path): Source => ({ kind: "path", path }))];
  }
  if (asked === "published") return [{ kind: "published" }];
  const pypi = /^pypi(?::(.*))?$/.exec(asked);
  if (!pypi) return [{ kind: "path", path: asked }];
  const version = pypi[1] ?? TESTED_TENSORFLOW;
  if (!/^\d+\.\d+(\.\d+)?((a|b|rc)\d+)?$/.test(version))
    throw new UsageError(
      `--libtensorflow ${asked}: "${version}" is not a version. Write for example pypi:${TESTED_TENSORFLOW}.`,
    );
  requireNewEnough(`--libtensorflow ${asked}`, version);
  return [{ kind: "pypi", version, cuda }];
}

/** Why PyPI's CUDA build cannot compute on a GPU of this machine, with the remedy; undefined where it can. */
export function whyNoCuda({ arch, driver }: Machine): string | undefined {
  if (arch !== "x64") return "PyPI has TensorFlow with CUDA for x64 only. Leave --cuda out.";
  if (driver === undefined)
    return (
      "no NVIDIA driver answers (nvidia-smi reports no GPU). " +
      "Install the driver, or in a container give it access to the GPU."
    );
  if (compareVersions(driver, OLDEST_DRIVER) < 0)
    return `CUDA 12 needs driver ${OLDEST_DRIVER} or later, and this one is ${driver}. Update the driver.`;
  return undefined;
}

function requireCuda(asked: string | undefined, machine: Machine): void {
  if (asked !== undefined && !/^pypi(:|$)/.test(asked))
    throw new UsageError("--cuda goes with --libtensorflow pypi: what CUDA the other sources need is fixed.");
  // Without a driver the build still works, on the CPU: so it can be made here for a machine that has a GPU.
  const obstacle = whyNoCuda(machine);
  if (obstacle && (machine.arch !== "x64" || machine.driver !== undefined)) throw new NuwaError(`--cuda: ${obstacle}`);
}

/** @throws NuwaError when a libtensorflow is older than this project accepts */
export function requireNewEnough(where: string, version: string): void {
  if (compareVersions(version, OLDEST_TENSORFLOW) < 0) {
    throw new NuwaError(
      `${where}: libtensorflow ${version} is too old, at least ${OLDEST_TENSORFLOW} is needed. Use ` +
        `--libtensorflow pypi:${TESTED_TENSORFLOW}.`,
    );
  }
}

/**
 * Compares versions number by number: below, at or above 0. A missing number counts as 0, what follows the numbers not
 * at all.
 */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string) => (/^[\d.]+/.exec(version)?.[0] ?? "0").split(".").map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A source as text. */
export function describeSource(source: Source): string {
  if (source.kind === "published") return "the published binary";
  if (source.kind === "path") return `libtensorflow in ${source.path}`;
  return `libtensorflow ${source.version} of PyPI${source.cuda ? ", with CUDA" : ""}`;
}
