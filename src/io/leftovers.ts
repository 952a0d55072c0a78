import { createHash, randomBytes } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asRefusal } from "./opening.ts";
import { isGone, THIS_PROCESS } from "./processes.ts";

/**
 * Temporary files and folders, and what a kill left of them. Their names say which process made them, so that the
 * next one that works there removes those whose process is gone, and no other's.
 */

/** A host's name may hold anything, and be long. */
const tagOf = (host: string) => createHash("sha256").update(host).digest("hex").slice(0, 8);
const HOST = tagOf(THIS_PROCESS.host);

/** "1234-567890-0a1b2c3d": number, start and machine of this process. */
const MARK = `${THIS_PROCESS.pid}-${THIS_PROCESS.started ?? "x"}-${HOST}`;
const MARKED = "(\\d{1,10})-(\\d{1,15}|x)-([0-9a-f]{8})";

const PART = new RegExp(`^\\.nuwa-${MARKED}-[0-9a-f]{16}\\.part$`);

/** Milliseconds after which what another machine made is of no use to it: whether its process runs we cannot know. */
const FOREIGN_AFTER = 24 * 3600 * 1000;

/**
 * The name of a file that becomes another one when it is whole. It cannot be foreseen, so that nobody else has put
 * something there; no result depends on it.
 */
export function partName(): string {
  return `.nuwa-${MARK}-${randomBytes(8).toString("hex")}.part`;
}

/** Removes from a folder the unfinished files of processes that are gone. */
export function removeLeftovers(folder: string): void {
  swept.add(folder);
  removeLeft(folder, PART, (status) => status.isFile());
}

/** {@link removeLeftovers}, unless this process has done so. */
export function removeLeftoversOnce(folder: string): void {
  if (!swept.has(folder)) removeLeftovers(folder);
}

/** Folders, and kinds of temporary folders, that this process has looked through. */
const swept = new Set<string>();

/**
 * Makes a folder for files that are of use to this process alone, and removes those of the same kind that processes
 * of the same user left which are gone.
 *
 * @param kind what it is for: "eval"
 * @throws NuwaError when the system's folder for such files refuses
 */
export function makeTemporary(kind: string): string {
  const [all, beginning] = [tmpdir(), `nuwa-${kind}-`];
  if (!swept.has(beginning)) {
    swept.add(beginning);
    removeLeft(all, new RegExp(`^${beginning}${MARKED}-\\w{6}$`), (status) => status.isDirectory());
  }
  try {
    return mkdtempSync(join(all, `${beginning}${MARK}-`));
  } catch (error) {
    throw asRefusal(
      all,
      error,
      "no temporary folder can be made there",
      "Free some space, or set TMPDIR to a folder that can be written.",
    );
  }
}

/** Removes a folder of {@link makeTemporary}; what cannot be removed is left to the next process. */
export function removeTemporary(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // It is of no use to anybody, and no error of the work that was done.
  }
}

type Status = ReturnType<typeof lstatSync> & object;

/** What cannot be looked at or removed is another's, or has gone meanwhile. */
function removeLeft(folder: string, pattern: RegExp, isOurs: (status: Status) => boolean): void {
  for (const name of listed(folder)) {
    const [, pid, started, host] = pattern.exec(name) ?? [];
    if (pid === undefined) continue;
    const path = join(folder, name);
    try {
      const status = lstatSync(path);
      if (!isOurs(status) || status.uid !== (process.getuid?.() ?? status.uid)) continue;
      const mark = { pid: Number(pid), started: started === "x" ? undefined : Number(started) };
      const isOld = Date.now() - status.mtimeMs > FOREIGN_AFTER;
      if (host === HOST ? isGone({ ...mark, host: THIS_PROCESS.host }) : isOld)
        rmSync(path, { recursive: true, force: true });
    } catch {}
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
