import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** What tells a process from all others, also from one that got its number later. */
export interface ProcessMark {
  readonly pid: number;
  readonly host: string;
  /** When it was started, in the kernel's ticks since the machine was; undefined where the system does not tell. */
  readonly started?: number | undefined;
}

/** The process that runs this. */
export const THIS_PROCESS: ProcessMark = { pid: process.pid, host: hostname(), started: startOf(process.pid) };

/**
 * Whether a process runs no more.
 *
 * @returns undefined where that cannot be known: of other machines, and of a process that had our number on systems
 *   that do not tell when a process was started
 */
export function isGone({ pid, host, started }: ProcessMark): boolean | undefined {
  if (host !== THIS_PROCESS.host) return undefined;
  if (hasEnded(pid)) return true;
  const now = startOf(pid);
  // In a container that is started again, and after a restart of the machine, numbers come again.
  if (started !== undefined && now !== undefined) return started !== now;
  if (pid === process.pid) return undefined;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/**
 * The 22nd field of /proc/PID/stat; the second one, in parentheses, may hold anything. Source: proc_pid_stat(5).
 */
function startOf(pid: number): number | undefined {
  const ticks = Number(statOf(pid)?.[19]);
  return Number.isSafeInteger(ticks) ? ticks : undefined;
}

/** Whether a process has ended and only its parent has not asked for it yet: it writes no more. */
function hasEnded(pid: number): boolean {
  return statOf(pid)?.[0] === "Z";
}

/** The fields behind the second. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
