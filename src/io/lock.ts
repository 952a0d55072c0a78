import { AsyncLocalStorage } from "node:async_hooks";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { NuwaError } from "../core/errors.ts";
import { shownName } from "../core/schema.ts";
import { makeFolder } from "./files.ts";
import { mostValues, parseJson } from "./json.ts";
import { partName, removeLeftovers } from "./leftovers.ts";
import { asRefusal, WRITE_REMEDY, writeWhole } from "./opening.ts";
import { isGone, type ProcessMark, THIS_PROCESS } from "./processes.ts";

/** The file that says who is at work in a folder. */
const LOCK = "nuwa.lock";

/** What it says while this process holds it. */
const OURS = `${JSON.stringify(THIS_PROCESS)}\n`;

/** Bytes of the longest lock; a name of a host has at most 255. */
const LONGEST = 1024;

const holderSchema = z.object({
  pid: z.number().int().positive().max(0x7fffffff),
  host: z.string().max(255),
  started: z.number().int().nonnegative().optional(),
});

/** Milliseconds in which a lock that was just made gets its text; an empty one that is older is of a full disk. */
const WRITTEN_AFTER = 10_000;

/**
 * How often a lock may be there when we make ours, and gone when we look: others finish, but not that often in a row.
 */
const MOST_GONE = 100;

/** Signals that end a process that does not listen. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Paths of the locks that this process holds. */
const held = new Set<string>();

/** Paths of the locks that are held by the work that is asking. */
const ofThisWork = new AsyncLocalStorage<readonly string[]>();

/**
 * Runs `work` while no other process may do the like in the same folder, which is created where it is not there. The
 * lock is a file that is removed at the end, also on an error and on Ctrl-C. One that was left by a process of this
 * machine that is gone is taken over, and its unfinished files are removed. Work inside `work` that asks for the same
 * folder is part of it.
 *
 * @throws NuwaError when another process, or other work of this one, is at work there, or the lock cannot be made or
 *   read
 */
export async function whileLocked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const { path, made } = makeLock(folder);
  const ours = ofThisWork.getStore() ?? [];
  if (ours.includes(path)) return work();
  hold(path);
  removeLeftovers(folder);
  try {
    return await ofThisWork.run([...ours, path], work);
  } finally {
    release(path);
    // Where nothing was written there remains no folder.
    removeEmpty(made);
  }
}

function removeEmpty(folders: readonly string[]): void {
  try {
    for (const folder of [...folders].reverse()) rmdirSync(folder);
  } catch {
    // Something is in it.
  }
}

function hold(path: string): void {
  if (held.size === 0) {
    process.on("exit", releaseAll);
    for (const signal of SIGNALS) process.on(signal, endBy);
  }
  held.add(path);
}

function release(path: string): void {
  held.delete(path);
  if (held.size === 0) {
    process.off("exit", releaseAll);
    for (const signal of SIGNALS) process.off(signal, endBy);
  }
  try {
    // It may have been removed by hand, and be another's by now.
    if (textOf(path) === OURS) rmSync(path, { force: true });
  } catch {
    // What cannot be removed says that its process is gone.
  }
}

function releaseAll(): void {
  for (const path of held) release(path);
}

function endBy(signal: NodeJS.Signals): void {
  // Whoever listens too ends in good order, and the work with it.
  if (process.listenerCount(signal) > 1) return;
  releaseAll();
  process.kill(process.pid, signal);
}

/** Makes the lock, unless the work that asks holds it. @returns its path without links, and the folders created */
function makeLock(folder: string): { path: string; made: readonly string[] } {
  const named = resolve(folder, LOCK);
  let made: readonly string[] = [];
  try {
    made = makeFolder(resolve(folder));
    // One folder may have several names.
    const path = join(realpathSync(folder), LOCK);
    if (ofThisWork.getStore()?.includes(path)) return { path, made: [] };
    for (let gone = 0; !created(path); ) {
      const text = textOf(path);
      if (text === undefined) {
        gone++;
        if (gone < MOST_GONE) continue;
        throw new NuwaError(`${named}: is there but cannot be read. Remove it.`);
      }
      requireStale(path, text, folder, named);
      setAside(path, text);
    }
    return { path, made };
  } catch (error) {
    removeEmpty(made);
    throw asRefusal(named, error, "cannot be written", WRITE_REMEDY);
  }
}

/** Makes the file with our name in it, unless it is there. */
function created(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  try {
    writeWhole(file, Buffer.from(OURS));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return true;
}

/**
 * What a lock says. Undefined when it has gone meanwhile.
 *
 * @throws NuwaError for what cannot be a lock: a link, a pipe, a folder, a large file
 */
function textOf(path: string): string | undefined {
  let file: number | undefined;
  try {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (!status) return undefined;
    if (status.isFile())
      file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    if (file === undefined || !fstatSync(file).isFile() || fstatSync(file).size > LONGEST)
      throw new NuwaError(`${path}: is no lock of this program. Remove it, or give another folder.`);
    const bytes = Buffer.alloc(LONGEST);
    return bytes.toString("utf8", 0, readSync(file, bytes, 0, LONGEST, 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw asRefusal(path, error, "cannot be read", "Check its rights, or give another folder.");
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** @throws NuwaError when somebody holds the lock, or it does not say who */
function requireStale(path: string, text: string, folder: string, named: string): void {
  const holder = holderIn(text);
  if (holder ? isStale(path, holder) : text === "" && ageOf(path) > WRITTEN_AFTER) return;
  if (!holder && text !== "" && ageOf(path) > WRITTEN_AFTER)
    throw new NuwaError(
      `${named}: does not say who is writing there. Remove it when no nuwa is at work in the folder.`,
    );
  const who = holder
    ? `process ${holder.pid}${holder.host === THIS_PROCESS.host ? "" : ` on ${shownName(holder.host)}`}`
    : "another process";
  throw new NuwaError(
    `${folder}: ${who} is writing there. Wait for its end or give another folder; if it is no longer running, ` +
      `remove ${named}.`,
  );
}

function holderIn(text: string): ProcessMark | undefined {
  try {
    return holderSchema.parse(parseJson(Buffer.from(text), mostValues(LONGEST)));
  } catch {
    return undefined;
  }
}

/** Of other machines it cannot be known; with our number it is another's unless we hold it. */
function isStale(path: string, holder: ProcessMark): boolean {
  return isGone(holder) ?? (holder.host === THIS_PROCESS.host && !held.has(path));
}

function ageOf(path: string): number {
  const status = lstatSync(path, { throwIfNoEntry: false });
  return status ? Date.now() - status.mtimeMs : 0;
}

/**
 * Removes a stale lock. It is renamed first, which only one process can do: were it removed by its name, the lock
 * of another that took it over a moment ago could be hit.
 */
function setAside(path: string, stale: string): void {
  const aside = join(path, "..", partName());
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (textOf(aside) === stale) rmSync(aside);
  else renameSync(aside, path);
}
