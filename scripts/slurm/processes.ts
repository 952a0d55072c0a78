import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { NuwaError } from "../../src/core/errors.ts";

/** Milliseconds between two looks at what is waited for. */
const LOOK = 100;

const pidFile = (folder: string, name: string) => join(folder, `${name}.started`);
export const outputOf = (folder: string, name: string) => join(folder, `${name}.out`);

/**
 * Starts a process that goes on when this one ends. Its output goes to `NAME.out` in the folder, its number to
 * `NAME.started`. The folder must be in its arguments: {@link runningIn} knows it by that.
 */
export function startIn(folder: string, name: string, [program, ...options]: readonly string[]): void {
  const output = openSync(outputOf(folder, name), "a");
  const child = spawn(program, options, { detached: true, stdio: ["ignore", output, output] });
  // What cannot be started is missed by who waits for it.
  child.on("error", () => undefined);
  child.unref();
  const { pid } = child;
  closeSync(output);
  if (pid === undefined) throw new NuwaError(`${program} cannot be started. Install what it belongs to.`);
  writeFileSync(pidFile(folder, name), `${pid}\n`);
}

/** The number of a process that {@link startIn} started; undefined when it runs no more. */
export function runningIn(folder: string, name: string): number | undefined {
  if (!existsSync(pidFile(folder, name))) return undefined;
  const pid = Number(readFileSync(pidFile(folder, name), "utf8"));
  try {
    // Numbers come again: it is ours only when our folder is among its arguments. Those of a zombie are empty.
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Ends a process that {@link startIn} started, where it runs, and waits until it is gone. */
export async function endIn(folder: string, name: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  const pid = runningIn(folder, name);
  if (pid !== undefined) process.kill(pid, signal);
  await waitFor(`the end of ${name}`, 30, () => runningIn(folder, name) === undefined);
  rmSync(pidFile(folder, name), { force: true });
}

/**
 * Waits until something holds.
 *
 * @param what it, in words
 * @param seconds after which it is given up
 * @throws NuwaError when it does not come to hold
 */
export async function waitFor(what: string, seconds: number, holds: () => boolean, remedy = ""): Promise<void> {
  const until = performance.now() + 1000 * seconds;
  while (!holds()) {
    if (performance.now() > until) throw new NuwaError(`waited ${seconds} s for ${what}, in vain.${remedy}`);
    await after(LOOK);
  }
}
