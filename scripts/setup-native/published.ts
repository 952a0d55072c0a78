import { createWriteStream, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { NuwaError } from "../../src/core/errors.ts";
import { beginLibraries, completeLibraries, type Libraries, storedLibraries } from "./libraries.ts";
import { checksum, type Wheel } from "./pip.ts";
import { requireDisk, runCommand, say, type Workspace } from "./workspace.ts";

/** How long the host may take to answer at all. Many networks block it. */
const ANSWER_SECONDS = 8;

/** Disk space needed, in GB: the archive (0.5) and what is in it (1.4). */
const DISK = 2;

/** The two archives that the package's own install script fetches. */
export interface PublishedFiles {
  /** The version of libtensorflow. */
  readonly version: string;
  readonly libtensorflow: string;
  readonly binding: string;
}

/**
 * Addresses of the published files, from what the package says about itself.
 *
 * @param manifest its package.json
 * @param version its LIBTENSORFLOW_VERSION
 * @param mirror another host for both, as its install script takes from TFJS_NODE_CDN_STORAGE
 */
export function publishedFiles(
  manifest: { readonly version: string; readonly binary: { readonly host: string } },
  version: string,
  mirror = `${new URL(manifest.binary.host).origin}/`,
): PublishedFiles {
  const bindings = `${mirror.replace(/\/$/, "")}${new URL(manifest.binary.host).pathname}`;
  return {
    version,
    libtensorflow:
      `${mirror.replace(/\/$/, "")}/tensorflow/libtensorflow/` + `libtensorflow-gpu-linux-x86_64-${version}.tar.gz`,
    binding: `${bindings}/napi-v8/${manifest.version}/GPU-linux-${manifest.version}.tar.gz`,
  };
}

/**
 * What the package's authors publish: libtensorflow, and a binding compiled against it, which is put
 * beside it in `prebuilt/napi-v8/`.
 *
 * @param packageFolder the package as npm installed it
 * @throws NuwaError when it cannot be had or does not match the checksum that the host states
 */
export async function publishedLibraries(workspace: Workspace, packageFolder: string): Promise<Libraries> {
  const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"));
  const files = publishedFiles(manifest, publishedVersion(packageFolder), process.env.TFJS_NODE_CDN_STORAGE);
  const name = publishedName(packageFolder);
  const stored = storedLibraries(workspace, name);
  if (stored) {
    say(`${stored.source}: already there`);
    return stored;
  }
  requireDisk(workspace, DISK);
  const part = beginLibraries(workspace, name);
  const binding = await fetchArchive(workspace, files.binding, join(part, "prebuilt"));
  const libtensorflow = await fetchArchive(workspace, files.libtensorflow, join(part, "archive"));
  renameSync(join(part, "archive/lib"), join(part, "tensorflow"));
  renameSync(join(part, "archive/include"), join(part, "include"));
  rmSync(join(part, "archive"), { recursive: true });
  const source = `the published binary of ${manifest.version} (libtensorflow ${files.version}, CUDA 11.2)`;
  return completeLibraries(workspace, part, { name, source, cuda: true, wheels: [libtensorflow, binding] });
}

/** Name under which {@link publishedLibraries} keeps its libraries. */
export function publishedName(packageFolder: string): string {
  return `published-${publishedVersion(packageFolder)}`;
}

function publishedVersion(packageFolder: string): string {
  return createRequire(import.meta.url)(join(packageFolder, "scripts/deps-constants.js")).LIBTENSORFLOW_VERSION;
}

/** Fetches a .tar.gz, checks it against the checksum in the host's answer, and unpacks it. */
async function fetchArchive(workspace: Workspace, url: string, folder: string): Promise<Wheel> {
  const file = url.slice(url.lastIndexOf("/") + 1);
  const path = join(workspace.temporary, file);
  const wanted = await download(url, path);
  if ((await checksum(path, "md5")) !== wanted)
    throw new NuwaError(`${file}: the download does not match its checksum. Run the command again.`);
  mkdirSync(folder, { recursive: true });
  const { exitCode, stderr } = await runCommand(workspace, "tar", ["-xzf", path, "-C", folder]);
  if (exitCode !== 0) throw new NuwaError(`${file}: tar cannot unpack it (${stderr.trim().split("\n")[0]}).`);
  return { name: file, version: "", file, sha256: await checksum(path), bytes: statSync(path).size };
}

/** @returns the MD5 checksum that the host states, in hexadecimal */
async function download(url: string, path: string): Promise<string> {
  const file = url.slice(url.lastIndexOf("/") + 1);
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new Error(`no answer in ${ANSWER_SECONDS} s`)), ANSWER_SECONDS * 1000);
  try {
    const answer = await fetch(url, { signal: patience.signal });
    clearTimeout(timer);
    if (!answer.ok || !answer.body) throw new Error(`the host answers ${answer.status}`);
    const wanted = statedChecksum(answer.headers.get("x-goog-hash"));
    if (!wanted) throw new Error("the host states no checksum");
    say(`  ${file} (${(Number(answer.headers.get("content-length")) / 1e6).toFixed(0)} MB)`);
    await pipeline(Readable.fromWeb(answer.body as import("node:stream/web").ReadableStream), createWriteStream(path));
    return wanted;
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    throw new NuwaError(`${file} cannot be fetched (${cause?.message ?? message}).`);
  } finally {
    clearTimeout(timer);
  }
}

/** The MD5 in a header such as "crc32c=AAAAAA==,md5=1B2M2Y8AsgTpgAmY7PhCfg==", in hexadecimal. */
export function statedChecksum(header: string | null): string | undefined {
  const encoded = /md5=([A-Za-z0-9+/]+=*)/.exec(header ?? "")?.[1];
  return encoded && Buffer.from(encoded, "base64").toString("hex");
}
