import { createHash } from "node:crypto";
import { createReadStream, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { NuwaError } from "../../core/errors.ts";
import { reasonOf } from "../files.ts";
import type { Checksum, RemoteFile, Repository } from "./repository.ts";
import { causeOf, type Hub, request, TRIES } from "./requests.ts";

/** Gets the number of bytes of a file that are there. */
export type ByteCounter = (bytes: number) => void;

/**
 * Brings one file into a folder. It is written beside the target, under a name that holds its checksum, so that a
 * later call goes on where this one was interrupted; when it is complete and its checksum is right, it is renamed.
 *
 * @returns false when the file was there already
 * @throws NuwaError when the checksum is wrong, the disk refuses, or the connection breaks again and again
 */
export async function download(
  hub: Hub,
  repository: Repository,
  file: RemoteFile,
  folder: string,
  count: ByteCounter,
): Promise<boolean> {
  const target = join(folder, file.path);
  if (existsSync(target) && statSync(target).size === file.size && (await hasChecksum(target, file))) {
    count(file.size);
    return false;
  }
  const part = join(folder, `.${file.path}.${file.checksum.value.slice(0, 16)}.part`);
  await grow(hub, repository, file, part, count);
  if (!(await hasChecksum(part, file))) {
    rmSync(part);
    throw new NuwaError(
      `${target}: what came has another ${file.checksum.kind === "sha256" ? "SHA-256" : "git checksum"} than the ` +
        "hub lists. It was thrown away; fetch again.",
    );
  }
  renameSync(part, target);
  return true;
}

/** Requests the missing part of a file until it has its size. */
async function grow(
  hub: Hub,
  { name, commit }: Repository,
  file: RemoteFile,
  part: string,
  count: ByteCounter,
): Promise<void> {
  const what = `${name}: ${file.path}`;
  const path = `/${name}/resolve/${commit}/${encodeURIComponent(file.path)}`;
  let have = existsSync(part) ? statSync(part).size : 0;
  if (have > file.size) have = 0;
  count(have);
  const output = await disk(part, () => open(part, have > 0 ? "r+" : "w"));
  try {
    if (have === 0) await output.truncate(0);
    for (let tries = 1; have < file.size; tries++) {
      const before = have;
      const problem = await append(hub, path, what, file.size, have, part, output, (bytes) => {
        have = bytes;
        count(bytes);
      });
      if (have > before) tries = 1;
      if (problem === undefined) continue;
      if (tries === TRIES)
        throw new NuwaError(
          `${what}: the connection broke at ${have} of ${file.size} bytes (${problem}). Run the command again; it ` +
            "goes on there.",
        );
      await hub.pause(500 * 2 ** tries, what, `the connection broke at ${have} of ${file.size} bytes: ${problem}`);
    }
    await disk(part, () => output.sync());
  } finally {
    await output.close();
  }
}

/**
 * One request for the rest of a file, written as it comes.
 *
 * @returns why it ended before the file was complete, or undefined
 */
async function append(
  hub: Hub,
  path: string,
  what: string,
  size: number,
  have: number,
  part: string,
  output: FileHandle,
  count: ByteCounter,
): Promise<string | undefined> {
  try {
    // Encoded bytes would be counted wrongly and could not be continued.
    const headers = { "accept-encoding": "identity", ...(have > 0 ? { range: `bytes=${have}-` } : {}) };
    const response = await request(hub, path, what, headers);
    let at = response.status === 206 && startOf(response) === have ? have : 0;
    if (at === 0) {
      // The server gives no ranges, or another one: what is there cannot be continued.
      count(0);
      if (response.status !== 200) {
        await response.body?.cancel();
        return `it answers a range with status ${response.status}`;
      }
    }
    for await (const chunk of response.body ?? []) {
      if (at + chunk.length > size)
        throw new NuwaError(`${what}: the server sends more than the ${size} bytes that the hub lists. Fetch again.`);
      await disk(part, () => writeWhole(output, chunk, at));
      at += chunk.length;
      count(at);
    }
    return at < size ? "it ended early" : undefined;
  } catch (error) {
    if (error instanceof NuwaError) throw error;
    return causeOf(error);
  }
}

/** Where a part of a file begins, by its Content-Range. */
function startOf(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1]);
}

/** A write may take less than it was given. */
async function writeWhole(output: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; )
    done += (await output.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
}

async function hasChecksum(path: string, { size, checksum }: { size: number; checksum: Checksum }): Promise<boolean> {
  const hash = createHash(checksum.kind === "sha256" ? "sha256" : "sha1");
  if (checksum.kind === "git-sha1") hash.update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex") === checksum.value;
}

/** What the disk refuses, in a line. */
async function disk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const full = (error as NodeJS.ErrnoException).code === "ENOSPC";
    throw new NuwaError(
      `${path}: cannot be written (${full ? "the disk is full" : reasonOf(error)}). ` +
        `${full ? "Free some disk space" : "Check the folder's rights"} and run the command again; it goes on there.`,
    );
  }
}
