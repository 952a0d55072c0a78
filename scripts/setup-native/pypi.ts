import { existsSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cudaLibraries } from "../../src/backend/native/cuda.ts";
import { NuwaError } from "../../src/core/errors.ts";
import {
  beginLibraries,
  checkHeaders,
  completeLibraries,
  type Libraries,
  libraryFiles,
  storedLibraries,
} from "./libraries.ts";
import { announce, fetchWheel, installedNvidiaWheels, requirePip, type Wheel } from "./pip.ts";
import { cudaRequirements, fits, folderThatFits, type Requirement } from "./requirements.ts";
import { requireDisk, say, type Workspace } from "./workspace.ts";

/** What a wheel says of itself: its name and version (in the folder's name, and METADATA), and its licences. */
const RECORDS = "[^/]+\\.dist-info/(METADATA|(.*/)?(?i:licen[cs]e|notice|third_party)[^/]*)$";

/** What is taken out of the TensorFlow wheel: the two libraries, the headers of the C interface, its records. */
const TENSORFLOW_FILES = [
  RECORDS,
  "tensorflow/libtensorflow_(cc|framework)\\.so\\.2$",
  "tensorflow/include/(tensorflow/(c|core/platform|core/public)|tsl|xla/tsl)/.*\\.h$",
];

/** What is taken out of the NVIDIA wheels: libraries, what TensorFlow compiles GPU code with, their records. */
const NVIDIA_FILES = [
  RECORDS,
  "nvidia/[^/]+/lib/.*\\.so[.\\d]*$",
  "nvidia/[^/]+/bin/(ptxas|fatbinary|nvlink)$",
  "nvidia/[^/]+/nvvm/.*",
];

/** Notes which wheels are unpacked already, for a set-up that is broken off. */
const PROGRESS = "progress.json";

/** Disk space needed at the fullest moment, in GB: what is unpacked, and the largest wheel beside it. */
const DISK = { cpu: 1.6, cuda: 9 };

/** The wheel that has libtensorflow. On arm64 the CPU build is called tensorflow as well. */
function wheelName(cuda: boolean): string {
  return cuda || process.arch === "arm64" ? "tensorflow" : "tensorflow-cpu";
}

/** Name under which {@link librariesFromPypi} keeps its libraries. */
export function pypiName(version: string, cuda: boolean): string {
  return `${wheelName(cuda)}-${version}`;
}

/**
 * libtensorflow out of a PyPI wheel, with CUDA together with the NVIDIA wheels that it names: those
 * installed on the machine if all of them fit, else fetched. A download that was broken off goes on
 * with the wheel where it stopped.
 *
 * @throws NuwaError when something is missing, does not fit or does not match its checksum
 */
export async function librariesFromPypi(workspace: Workspace, version: string, cuda: boolean): Promise<Libraries> {
  const name = pypiName(version, cuda);
  const stored = storedLibraries(workspace, name);
  if (stored) {
    say(`${stored.source}: already there`);
    return stored;
  }
  await requirePip(workspace);
  requireDisk(workspace, cuda ? DISK.cuda : DISK.cpu);
  const part = beginLibraries(workspace, name, true);
  const done = readProgress(part);

  say(`Fetching libtensorflow with pip, into ${part}`);
  const wheels: Wheel[] = [];
  const metadata = join(part, "METADATA");
  const requirement = `${wheelName(cuda)}==${version}`;
  wheels.push(await once(requirement, TENSORFLOW_FILES, 1, 1, (text) => writeFileSync(metadata, text)));
  libraryFiles(join(part, "tensorflow"));
  checkHeaders(join(part, "tensorflow/include"));
  const nvidia = cuda ? await addNvidia(cudaRequirements(readFileSync(metadata, "utf8"))) : "";
  for (const file of [metadata, join(part, PROGRESS)]) rmSync(file);
  say(`Fetched ${(wheels.reduce((sum, { bytes }) => sum + bytes, 0) / 1e9).toFixed(2)} GB in ${wheels.length} wheels`);
  const source = `PyPI wheel ${wheelName(cuda)} ${version}${nvidia && `, NVIDIA wheels ${nvidia}`}`;
  return completeLibraries(workspace, part, { name, source, cuda, wheels });

  /** Fetches a wheel unless an earlier set-up, broken off later, already did. */
  async function once(
    wanted: string,
    patterns: string[],
    number: number,
    of: number,
    keep?: (metadata: string) => void,
  ) {
    announce(wanted, number, of);
    const earlier = done[wanted];
    if (earlier) return earlier;
    const { metadata: text, ...wheel } = await fetchWheel(workspace, wanted, part, patterns);
    keep?.(text);
    done[wanted] = wheel;
    writeFileSync(join(part, PROGRESS), JSON.stringify(done));
    return wheel;
  }

  async function addNvidia(requirements: readonly Requirement[]): Promise<string> {
    const target = join(part, "nvidia");
    const there = folderThatFits(requirements, await installedNvidiaWheels(workspace));
    // A link that a broken-off set-up left must go before anything is unpacked through it.
    if (there || isLink(target)) rmSync(target, { recursive: true, force: true });
    if (there) {
      symlinkSync(join(there, "nvidia"), target);
      requireCudaLibraries(target);
      return `of ${there}`;
    }
    for (const [index, wanted] of requirements.entries()) {
      const wheel = await once(wanted.name + wanted.specifier, NVIDIA_FILES, index + 1, requirements.length);
      if (!fits(wheel.version, wanted.specifier))
        throw new NuwaError(
          `${wheel.file}: TensorFlow ${version} needs ${wanted.name}${wanted.specifier}. Run npm run setup:native ` +
            "-- --remove and try again.",
        );
      wheels.push(wheel);
    }
    requireCudaLibraries(target);
    return "fetched with it";
  }
}

/** CUDA's libraries are of one kind: without any of these, TensorFlow would silently use the CPU. */
function requireCudaLibraries(nvidia: string): void {
  const present = cudaLibraries(nvidia).join("\n");
  for (const needed of ["cudart", "cublas", "cublasLt", "cufft", "cusolver", "cusparse", "cudnn"])
    if (!present.includes(`/lib${needed}.so.`))
      throw new NuwaError(`${nvidia}: has no lib${needed}.so. Choose another version of TensorFlow.`);
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function readProgress(part: string): Record<string, Wheel> {
  const path = join(part, PROGRESS);
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, Wheel>;
  } catch {
    return {}; // written half: everything is fetched again
  }
}
