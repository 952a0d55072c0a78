import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { NuwaError } from "../../src/core/errors.ts";
import type { InstalledWheel } from "./requirements.ts";
import { runCommand, say, type Workspace } from "./workspace.ts";

/** A wheel that was fetched, checked and unpacked. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  /** File name and checksum, as the index states them. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

const UNPACK = fileURLToPath(new URL("unpack.py", import.meta.url));

/** Pythons whose wheels are asked for; the C libraries in them are the same, so any that exists will do. */
const PYTHON_TAGS = ["3.11", "3.10", "3.13"];

/** glibc versions that wheels name in their tag (manylinux_2_N); all that current ones use. */
const GLIBC_TAGS = ["28", "27", "17", "12"];

/**
 * Checks that there are a Python and a pip, before anything large is begun.
 *
 * @throws NuwaError with the remedy
 */
export async function requirePip(workspace: Workspace): Promise<void> {
  const elsewhere = "or give --libtensorflow FOLDER";
  const python = await runCommand(workspace, "python3", ["--version"]);
  if (python.exitCode !== 0) {
    throw new NuwaError(
      "python3 was not found; its pip fetches libtensorflow. Install it (Debian: apt-get install python3 " +
        `python3-pip), ${elsewhere}.`,
    );
  }
  const pip = await runCommand(workspace, "python3", ["-m", "pip", "--version"]);
  if (pip.exitCode !== 0)
    throw new NuwaError(`python3 has no pip. Install it (Debian: apt-get install python3-pip), ${elsewhere}.`);
}

/**
 * Fetches a wheel with pip, which checks it against the index's checksum, and unpacks what is needed of
 * it, which checks every file against the wheel's own.
 *
 * @param requirement as pip writes it: "tensorflow-cpu==2.21.0"
 * @param folder where the files go
 * @param patterns regular expressions (Python's) for the names of the files that are needed
 * @returns the wheel and its METADATA
 * @throws NuwaError in one line when it cannot be had or does not match its checksums
 */
export async function fetchWheel(
  workspace: Workspace,
  requirement: string,
  folder: string,
  patterns: readonly string[],
): Promise<Wheel & { readonly metadata: string }> {
  const download = join(workspace.temporary, "wheel");
  rmSync(download, { recursive: true, force: true });
  mkdirSync(download);
  await downloadWheel(workspace, requirement, download);
  const path = join(download, readdirSync(download).find((name) => name.endsWith(".whl")) ?? "");
  const sha256 = await checksum(path);
  const bytes = statSync(path).size;
  const result = await runCommand(workspace, "python3", [UNPACK, path, folder, ...patterns]);
  if (result.exitCode !== 0) {
    const reason = result.stderr.trim().split("\n").at(-1) ?? "";
    const remedy = reason.startsWith("cannot be unpacked")
      ? "Free some space, or check the folder's rights."
      : "Run the command again; if it stays, the index serves a damaged file.";
    throw new NuwaError(`${basename(path)}: ${reason}. ${remedy}`);
  }
  rmSync(download, { recursive: true });
  const { name, version, metadata } = JSON.parse(result.stdout) as { name: string; version: string; metadata: string };
  return { name, version, metadata, file: basename(path), sha256, bytes };
}

async function downloadWheel(workspace: Workspace, requirement: string, folder: string): Promise<void> {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const platforms = GLIBC_TAGS.flatMap((minor) => ["--platform", `manylinux_2_${minor}_${machine}`]);
  const options = [
    "--no-deps",
    "--only-binary=:all:",
    "--retries=2",
    ...platforms,
    "--platform",
    `manylinux2014_${machine}`,
  ];
  // Quiet, pip draws no progress bar; where there is no terminal for one, its other lines are only noise.
  const volume = process.stdout.isTTY ? [] : ["--quiet"];
  let failure = "";
  for (const python of PYTHON_TAGS) {
    const args = [
      "-m",
      "pip",
      "download",
      ...volume,
      "-d",
      folder,
      ...options,
      "--python-version",
      python,
      requirement,
    ];
    const { exitCode, stderr } = await runCommand(workspace, "python3", args, true);
    if (exitCode === 0) return;
    failure ||= stderr;
    if (!/No matching distribution/.test(stderr) || isUnreachable(stderr)) break;
  }
  throw new NuwaError(pipFailure(requirement, failure));
}

/** One line with the remedy for what pip wrote when a download failed. */
export function pipFailure(requirement: string, stderr: string): string {
  if (/No space left on device/.test(stderr))
    return `${requirement}: the disk is full. Free some space and run the command again.`;
  if (/DO NOT MATCH THE HASHES|Hash mismatch|hashes? .*mismatch/i.test(stderr))
    return (
      `${requirement}: the download does not match its checksum. ` +
      "Run the command again; if it stays, the index serves a damaged file."
    );
  const other = "set another index (pip config set global.index-url URL), or give --libtensorflow FOLDER";
  if (isUnreachable(stderr)) return `${requirement}: pip cannot reach its index. Check the network, ${other}.`;
  if (/No matching distribution/.test(stderr)) {
    const [name] = requirement.split(/[<=>!~]/);
    return (
      `${requirement}: pip's index has no such wheel for this machine. ` +
      `Choose a version it has (pip index versions ${name}), ${other}.`
    );
  }
  const last =
    stderr.split("\n").findLast((line) => line.startsWith("ERROR:")) ?? stderr.trim().split("\n").at(-1) ?? "";
  return `${requirement}: pip failed: ${last.replace(/^ERROR:\s*/, "")}`;
}

/** After failed connections pip also says that there is "no matching distribution". */
function isUnreachable(stderr: string): boolean {
  return (
    /from versions: none/.test(stderr) &&
    /NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError/.test(stderr)
  );
}

/** SHA-256 of a file, in hexadecimal. */
export async function checksum(path: string, algorithm = "sha256"): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** The `nvidia-*` wheels that python3 has installed; none without a Python. */
export async function installedNvidiaWheels(workspace: Workspace): Promise<InstalledWheel[]> {
  const program = `import importlib.metadata as m, json
print(json.dumps([{"name": d.metadata["Name"], "version": d.version, "folder": str(d.locate_file(""))}
    for d in m.distributions() if (d.metadata["Name"] or "").startswith("nvidia-")]))`;
  const { exitCode, stdout } = await runCommand(workspace, "python3", ["-c", program]);
  return exitCode === 0 ? (JSON.parse(stdout) as InstalledWheel[]) : [];
}

/** Folders of this machine where a libtensorflow may lie: python3's TensorFlow, and the usual prefixes. */
export async function candidateFolders(workspace: Workspace): Promise<string[]> {
  const program = `import importlib.util as u
s = u.find_spec("tensorflow")
print((s and s.submodule_search_locations or [""])[0])`;
  const { exitCode, stdout } = await runCommand(workspace, "python3", ["-c", program]);
  const python = exitCode === 0 && stdout.trim() ? [stdout.trim()] : [];
  return [...python, "/usr/local", "/usr"];
}

/** Says what is being fetched. */
export function announce(requirement: string, number: number, of: number): void {
  say(`  ${of > 1 ? `${number}/${of} ` : ""}${requirement}`);
}
