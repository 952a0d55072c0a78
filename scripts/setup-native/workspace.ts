import { type SpawnOptions, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NuwaError } from "../../src/core/errors.ts";

/** The folder that a set-up works in; nothing outside it is written. */
export interface Workspace {
  /** `.native` in the project. */
  readonly folder: string;
  /** Temporary files and caches of the tools that are called; emptied before and after. */
  readonly temporary: string;
}

/** Says what is being done; one line a step. */
export function say(line: string): void {
  console.log(line);
}

/**
 * Opens the folder for one set-up at a time, clearing what a killed one left.
 *
 * @throws NuwaError when another set-up is at work or the folder cannot be written
 */
export function openWorkspace(folder: string): Workspace {
  const lock = join(folder, "lock");
  try {
    mkdirSync(folder, { recursive: true });
    if (existsSync(lock) && !isAlive(Number(readFileSync(lock, "utf8")))) rmSync(lock);
    writeFileSync(lock, String(process.pid), { flag: "wx" });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new NuwaError(
      code === "EEXIST"
        ? `another set-up (process ${readFileSync(lock, "utf8")}) is at work in ${folder}. Wait for it to end.`
        : `${folder}: cannot be written (${message}). Check the folder's rights and the free space.`,
    );
  }
  const temporary = join(folder, "tmp");
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  return { folder, temporary };
}

/** Gives the folder free again. */
export function closeWorkspace({ folder, temporary }: Workspace): void {
  rmSync(temporary, { recursive: true, force: true });
  rmSync(join(folder, "lock"), { force: true });
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Refuses to begin what the disk cannot hold.
 *
 * @param gigabytes needed, in GB of 10⁹ bytes
 * @throws NuwaError with what is free
 */
export function requireDisk({ folder }: Workspace, gigabytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = (bavail * bsize) / 1e9;
  if (free < gigabytes) {
    throw new NuwaError(
      `${folder}: needs ${gigabytes} GB of disk space, ${free.toFixed(1)} GB are free. Free some, or move the ` +
        "project to another disk.",
    );
  }
}

/** How a command ended; `exitCode` is null where it could not be started. */
export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command with its temporary files and caches inside the workspace.
 *
 * @param show whether its standard output (a progress bar, say) goes to the user instead of the result
 */
export function runCommand(
  { temporary }: Workspace,
  command: string,
  args: readonly string[],
  show = false,
): Promise<CommandResult> {
  const options: SpawnOptions = {
    cwd: temporary,
    // A group of its own: pip and npm may be scripts that start others, and all of them end with this program.
    detached: true,
    stdio: ["ignore", show ? "inherit" : "pipe", "pipe"],
    env: {
      ...process.env,
      TMPDIR: temporary,
      LC_ALL: "C",
      PYTHONDONTWRITEBYTECODE: "1",
      PIP_NO_CACHE_DIR: "1",
      PIP_NO_INPUT: "1",
      PIP_DISABLE_PIP_VERSION_CHECK: "1",
      npm_config_cache: join(temporary, "npm"),
    },
  };
  return new Promise((resolve) => {
    const child = spawn(command, args, options);
    const release = endWithThis(child.pid);
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", (error) => {
      release();
      resolve({ exitCode: null, stdout, stderr: error.message });
    });
    child.on("close", (exitCode, signal) => {
      release();
      resolve({ exitCode: exitCode ?? 128, stdout, stderr: stderr + (signal ?? "") });
    });
  });
}

/**
 * Ends a group of processes when this one is told to end, which then ends as if it had not listened.
 *
 * @param group undefined where the command could not be started
 * @returns a function that stops listening
 */
function endWithThis(group: number | undefined): () => void {
  if (group === undefined) return () => undefined;
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const release = () => {
    for (const signal of signals) process.off(signal, end);
  };
  function end(signal: NodeJS.Signals): void {
    release();
    try {
      process.kill(-(group as number), "SIGTERM");
    } catch {
      // it has ended by itself
    }
    process.kill(process.pid, signal);
  }
  for (const signal of signals) process.on(signal, end);
  return release;
}
