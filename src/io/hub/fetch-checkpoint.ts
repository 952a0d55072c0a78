import { statfsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { shown } from "../../core/schema.ts";
import { readJson, requireWritableFolder } from "../files.ts";
import { whileLocked } from "../lock.ts";
import { download } from "./download.ts";
import { openRepository, type RemoteFile, type Repository } from "./repository.ts";
import type { Hub } from "./requests.ts";

/** What a checkpoint folder is made of besides its weights; those that a repository has are brought. */
const SMALL_FILES = [
  "config.json",
  "generation_config.json",
  "preprocessor_config.json",
  "processor_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "tokenizer.model",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
  "chat_template.json",
] as const;

const INDEX = "model.safetensors.index.json";
const SINGLE = "model.safetensors";

/** Small files above this are refused; the largest known tokenizers are below. */
const MOST_SMALL_BYTES = 64 * 2 ** 20;
/** A checkpoint above this is refused: four times the largest that the model code could be thought to run. */
const MOST_BYTES = 256 * 2 ** 30;

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Gets the events of a fetch, to show them. */
export interface FetchObserver {
  /** All that will be brought is known. */
  found(repository: Repository, files: readonly RemoteFile[]): void;
  /** So many bytes of a file are there. */
  bytes(file: RemoteFile, bytes: number): void;
  /** A file is complete; `fresh` is false when it was there already. */
  finished(file: RemoteFile, fresh: boolean): void;
}

/**
 * Brings the files of a checkpoint from the hub into a folder: configuration, tokenizer, chat template and
 * the safetensors files that its index names. Files that are there with the right checksum are left. The folder is
 * locked meanwhile.
 *
 * @param revision branch, tag or commit; what it means is looked up once
 * @throws NuwaError when the repository has no such checkpoint, or see {@link download}
 */
export async function fetchCheckpoint(
  hub: Hub,
  name: string,
  revision: string,
  folder: string,
  observer: FetchObserver,
): Promise<Repository> {
  requireWritableFolder(resolve(folder));
  return whileLocked(folder, () => fetchInto(hub, name, revision, folder, observer));
}

async function fetchInto(
  hub: Hub,
  name: string,
  revision: string,
  folder: string,
  observer: FetchObserver,
): Promise<Repository> {
  const repository = await openRepository(hub, name, revision);
  const index = repository.files.get(INDEX);
  if (!repository.files.has("config.json"))
    throw new NuwaError(`${name}: has no config.json, so it is no checkpoint. Check the name.`);
  if (!index && !repository.files.has(SINGLE))
    throw new NuwaError(`${name}: has no safetensors weights. Look for a repository or a revision that has.`);
  const small = [...SMALL_FILES, INDEX].flatMap((path) => repository.files.get(path) ?? []);
  for (const { path, size } of small)
    if (size > MOST_SMALL_BYTES)
      throw new NuwaError(`${name}: ${path} has ${size} bytes, more than the ${MOST_SMALL_BYTES} allowed.`);
  const bring = async (file: RemoteFile) =>
    observer.finished(file, await download(hub, repository, file, folder, (bytes) => observer.bytes(file, bytes)));
  // The index names the weight files, so it is needed before the list can be shown.
  if (index) await bring(index);
  const weights = weightFiles(repository, folder);
  const rest = [...small.filter((file) => file !== index), ...weights];
  observer.found(repository, [...(index ? [index] : []), ...rest]);
  requireDiskSpace(name, folder, rest);
  for (const file of rest) await bring(file);
  return repository;
}

/** The files that the index names, or the single one. */
function weightFiles(repository: Repository, folder: string): RemoteFile[] {
  const single = repository.files.get(SINGLE);
  if (!repository.files.has(INDEX)) return [single as RemoteFile];
  const { weight_map: map } = readJson(join(folder, INDEX), indexSchema, MOST_SMALL_BYTES);
  return [...new Set(Object.values(map))].sort().map((path) => {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*\.safetensors$/.test(path))
      throw new NuwaError(`${join(folder, INDEX)}: names the file ${shown(path)}, which is no plain name.`);
    const file = repository.files.get(path);
    if (!file)
      throw new NuwaError(`${join(folder, INDEX)}: names ${shown(path)}, which ${repository.name} does not have.`);
    return file;
  });
}

/** Bytes that must stay free: other programs need space on the disk, too. */
const SPARE = 2 ** 26;

/**
 * Refuses what does not fit on the disk before any of it is brought.
 *
 * @param files of which some may be in the folder already
 * @param free bytes
 * @throws NuwaError
 */
export function requireDiskSpace(
  name: string,
  folder: string,
  files: readonly Pick<RemoteFile, "path" | "size">[],
  free = freeBytes(folder),
): void {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > MOST_BYTES) throw new NuwaError(`${name}: has ${total} bytes, more than the ${MOST_BYTES} allowed.`);
  const missing = files.filter(({ path, size }) => sizeOf(join(folder, path)) !== size);
  const needed = missing.reduce((sum, { size }) => sum + size, 0);
  if (needed > 0 && needed + SPARE > free)
    throw new NuwaError(
      `${folder}: ${gigabytes(needed)} are missing, but only ${gigabytes(free)} are free. ` +
        "Free some space, or choose another --out.",
    );
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** "13.5 GB" */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toPrecision(3)} GB`;
}
