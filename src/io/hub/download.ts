import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { NuwaError } from "../../core/errors.ts";
import { reasonOf } from "../files.ts";
import { openOwn, requireOwnFile, streamInput } from "../opening.ts";
import { beginningOf, headersFor, type Partial } from "./ranges.ts";
import type { Checksum, RemoteFile, Repository } from "./repository.ts";
import { type Hub, insist, request } from "./requests.ts";

/** Gets the number of bytes of a file that are there. */
export type ByteCounter = (bytes: number) => void;

/**
 * Brings one file into a folder. It is written beside the target, under a name that holds its checksum, so that a
 * later call goes on where this one was interrupted; when it is complete and its checksum is right, it is renamed.
 * What was begun of other versions of the file is removed.
 *
 * @returns false when the file was there already
 * @throws NuwaError when the checksum is wrong, something that is no file is in its place, the disk refuses, or the
 *   connection breaks again and again
 */
export async function download(
  hub: Hub,
  repository: Repository,
  file: RemoteFile,
  folder: string,
  count: ByteCounter,
): Promise<boolean> {
  const target = join(folder, file.path);
  const part = `.${file.path}.${file.checksum.value.slice(0, 16)}.part`;
  if (await isThere(target, file)) {
    removeParts(folder, file);
    count(file.size);
    return false;
  }
  requireOwnFile(target);
  removeParts(folder, file, part);
  const path = join(folder, part);
  await grow(hub, repository, file, path, count);
  if (!(await hasChecksum(path, file))) {
    rmSync(path);
    throw new NuwaError(
      `${target}: what came has another ${file.checksum.kind === "sha256" ? "SHA-256" : "git checksum"} than the ` +
        "hub lists. It was thrown away; fetch again.",
    );
  }
  disk(target, () => renameSync(path, target));
  return true;
}

/** Through a link, too: the hub's own cache is made of them. */
async function isThere(target: string, file: RemoteFile): Promise<boolean> {
  const status = existsSync(target) ? statSync(target) : undefined;
  return (status?.isFile() ?? false) && status?.size === file.size && (await hasChecksum(target, file));
}

function removeParts(folder: string, { path }: RemoteFile, except?: string): void {
  const beginning = `.${path}.`;
  for (const name of readdirSync(folder))
    if (name !== except && name.startsWith(beginning) && /^[0-9a-f]{16}\.part$/.test(name.slice(beginning.length)))
      disk(join(folder, name), () => rmSync(join(folder, name)));
}

/** Requests the missing part of a file until it has its size. */
async function grow(
  hub: Hub,
  { name, commit }: Repository,
  file: RemoteFile,
  part: string,
  count: ByteCounter,
): Promise<void> {
  const { path, size } = file;
  const what = `${name}: ${path}`;
  const address = `/${name}/resolve/${commit}/${encodeURIComponent(path)}`;
  const output = openOwn(part, constants.O_RDWR | constants.O_CREAT);
  try {
    let partial: Partial = { have: Math.min(fstatSync(output).size, size + 1), etag: undefined };
    let furthest = 0;
    const reached = (now: Partial) => {
      partial = now;
      furthest = Math.max(furthest, now.have);
      count(now.have);
    };
    const begin = () => {
      reached({ have: 0, etag: undefined });
      disk(part, () => ftruncateSync(output, 0));
    };
    if (partial.have > size) begin();
    else reached(partial);
    const broke = (problem: string) => `the connection broke at ${partial.have} of ${size} bytes: ${problem}`;
    if (partial.have < size)
      await insist(hub, {
        what,
        bytes: size - partial.have,
        once: (end) => append(hub, address, what, size, partial, part, output, end, { begin, reached }),
        furthest: () => furthest,
        inWords: broke,
        failed: (problem) =>
          `${what}: the connection broke at ${partial.have} of ${size} bytes (${problem}). Run the command again; it ` +
          "goes on there.",
      });
    disk(part, () => fsyncSync(output));
  } finally {
    closeSync(output);
  }
}

/** What {@link append} tells of how far it is. */
interface Growth {
  /** What is there cannot be continued. */
  begin(): void;
  reached(now: Partial): void;
}

/**
 * One request for the rest of a file, written as it comes.
 *
 * @throws Error saying why it ended before the file was complete
 */
function append(
  hub: Hub,
  address: string,
  what: string,
  size: number,
  partial: Partial,
  part: string,
  output: number,
  end: number,
  { begin, reached }: Growth,
): Promise<void> {
  return request(hub, address, what, headersFor(partial), end, async (response, heard) => {
    const beginning = beginningOf(response, partial, size, what);
    if (beginning?.have !== partial.have) begin();
    if (!beginning) throw new Error(`it answers a range with status ${response.status}`);
    let at = beginning.have;
    reached(beginning);
    for await (const chunk of response.body ?? []) {
      heard();
      if (at + chunk.length > size)
        throw new NuwaError(`${what}: the server sends more than the ${size} bytes that the hub lists. Fetch again.`);
      disk(part, () => writeAt(output, chunk, at));
      at += chunk.length;
      reached({ ...beginning, have: at });
    }
    if (at < size) throw new Error("it ended early");
  });
}

/** A write may take less than it was given. */
function writeAt(output: number, chunk: Uint8Array, at: number): void {
  for (let done = 0; done < chunk.length; ) done += writeSync(output, chunk, done, chunk.length - done, at + done);
}

async function hasChecksum(path: string, { size, checksum }: { size: number; checksum: Checksum }): Promise<boolean> {
  const hash = createHash(checksum.kind === "sha256" ? "sha256" : "sha1");
  if (checksum.kind === "git-sha1") hash.update(`blob ${size}\0`);
  for await (const chunk of streamInput(path)) hash.update(chunk);
  return hash.digest("hex") === checksum.value;
}

/** What the disk refuses, in a line. */
function disk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const full = code === "ENOSPC" || code === "EDQUOT";
    const [reason, remedy] = full
      ? ["the disk is full", "Free some disk space"]
      : [reasonOf(error), "Check the folder's rights and limits"];
    throw new NuwaError(
      `${path}: cannot be written (${reason}). ${remedy} and run the command again; it goes on there.`,
    );
  }
}
