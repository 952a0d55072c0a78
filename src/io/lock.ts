import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { NuwaError } from "../core/errors.ts";
import { makeFolder, reasonOf } from "./files.ts";

/** The file that says who is at work in a folder. */
const LOCK = "nuwa.lock";

/** What it says while this process holds it. */
const OURS = `${JSON.stringify({ pid: process.pid, host: hostname() })}\n`;

const holderSchema = z.object({ pid: z.number().int().positive(), host: z.string() });

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

/**
 * Runs `work` while no other process may do the like in the same folder, which is created where it is not there.
 * The lock is a file that is removed at the end, also on an error and on Ctrl-C. One that was left by a process
 * of this machine that is gone is taken over.
 *
 * @throws NuwaError when another process, or this one, is at work there, or the lock cannot be made or read
 */
export async function whileLocked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = resolve(folder, LOCK);
  makeLock(path, folder);
  held.add(path);
  const release = () => {
    held.delete(path);
    process.off("exit", release);
    for (const signal of SIGNALS) process.off(signal, endBy);
    // It may have been removed by hand, and be another's by now.
    if (textOf(path) === OURS) rmSync(path, { force: true });
  };
  const endBy = (signal: NodeJS.Signals) => {
    // Whoever listens too ends in good order, and the work with it.
    if (process.listenerCount(signal) > 1) return;
    release();
    process.kill(process.pid, signal);
  };
  process.on("exit", release);
  for (const signal of SIGNALS) process.on(signal, endBy);
  try {
    return await work();
  } finally {
    release();
  }
}

function makeLock(path: string, folder: string): void {
  try {
    makeFolder(dirname(path));
    for (let gone = 0; !created(path); ) {
      const text = textOf(path);
      if (text === undefined) {
        gone++;
        if (gone < MOST_GONE) continue;
        throw new NuwaError(`${path}: is there but cannot be read, as a link to nowhere. Remove it.`);
      }
      requireStale(path, text, folder);
      setAside(path, text);
    }
  } catch (error) {
    if (error instanceof NuwaError) throw error;
    throw new NuwaError(
      `${path}: cannot be written (${reasonOf(error)}). Check the folder's rights and the free space.`,
    );
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
    writeSync(file, OURS);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return true;
}

/** Undefined when it has gone meanwhile. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** @throws NuwaError when somebody holds the lock */
function requireStale(path: string, text: string, folder: string): void {
  const holder = holderIn(text);
  if (holder ? isGone(path, holder) : ageOf(path) > WRITTEN_AFTER) return;
  const who = holder
    ? `process ${holder.pid}${holder.host === hostname() ? "" : ` on ${holder.host}`}`
    : "another process";
  throw new NuwaError(
    `${folder}: ${who} is writing there. Wait for its end or give another folder; if it is no longer running, ` +
      `remove ${path}.`,
  );
}

function holderIn(text: string): z.infer<typeof holderSchema> | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Whether a holder runs no more. Of other machines that cannot be known. */
function isGone(path: string, { pid, host }: z.infer<typeof holderSchema>): boolean {
  if (host !== hostname()) return false;
  // In a container that is started again the process before had our number.
  if (pid === process.pid) return !held.has(path);
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function ageOf(path: string): number {
  const status = statSync(path, { throwIfNoEntry: false });
  return status ? Date.now() - status.mtimeMs : 0;
}

/**
 * Removes a stale lock. It is renamed first, which only one process can do: were it removed by its name, the lock
 * of another that took it over a moment ago could be hit.
 */
function setAside(path: string, stale: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (readFileSync(aside, "utf8") === stale) rmSync(aside);
  else renameSync(aside, path);
}
