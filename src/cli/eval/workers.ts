import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { NuwaError } from "../../core/errors.ts";
import { mergeShards, shardOptions } from "../../eval/run/merge.ts";
import { readJson } from "../../io/files.ts";
import { requireOwnFolder } from "../../io/opening.ts";
import { stopped, watchInterruptions } from "../interruption.ts";
import { lineCounter } from "./line-counter.ts";
import { NOTE, terminalProgress } from "./progress.ts";
import { writeMerged } from "./results.ts";
import type { EvalOptions } from "./run.ts";

/** Milliseconds between looks at what the workers have written, on a terminal and elsewhere. */
const LOOK_EVERY = { terminal: 1000, elsewhere: 10_000 };

/** The program that a worker runs: the project's own, or the file of a bundle that is running now. */
function program(): string {
  const own = fileURLToPath(new URL("../../../bin/nuwa.js", import.meta.url));
  return existsSync(own) ? own : process.argv[1];
}

/**
 * An evaluation by several processes on this machine. Each answers a shard into a folder of its own below
 * OUT, where it also goes on after an interruption; at the end they are merged into OUT.
 *
 * @throws NuwaError with the line of the first worker that failed; the others are asked to stop
 */
export async function evalWithWorkers(options: EvalOptions, count: number): Promise<void> {
  const folders = Array.from({ length: count }, (_, i) => join(options.out, `shard-${i + 1}-of-${count}`));
  const workers: ChildProcess[] = [];
  const stopAll = () => {
    for (const worker of workers) worker.kill("SIGTERM");
  };
  const share = options.memory && Math.floor(options.memory / count);
  for (const folder of folders) requireOwnFolder(folder);
  const interruption = watchInterruptions(stopAll);
  const { look, missed } = progressOf(folders);
  const timer = setInterval(look, process.stderr.isTTY ? LOOK_EVERY.terminal : LOOK_EVERY.elsewhere);
  let failure: unknown;
  try {
    // All are waited for, also where one has failed: they write into our folder.
    await Promise.all(
      folders.map(async (out, i) => {
        try {
          await finished(
            spawnWorker({ ...options, memory: share, out, shard: `${i + 1}/${count}` }, workers),
            `worker ${i + 1}/${count}`,
            // What one notes all note: each answers a part of every setting.
            i === 0 ? missed : () => undefined,
          );
        } catch (error) {
          failure ??= error;
          stopAll();
        }
      }),
    );
  } finally {
    clearInterval(timer);
    interruption.end();
  }
  if (failure !== undefined) throw interruption.happened() ? stopped("the same command") : failure;
  look();
  await writeMerged(options.out, mergeShards(folders));
}

function spawnWorker({ memory, ...options }: EvalOptions, workers: ChildProcess[]): ChildProcess {
  const inWords = { ...options, memory: memory && `${memory}B` };
  const flags = Object.entries(inWords).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, Array.isArray(value) ? value.join(",") : String(value)],
  );
  // A group of its own: Ctrl-C reaches the parent alone, which then asks each worker once.
  const worker = spawn(process.execPath, [program(), "eval", ...flags], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    detached: true,
  });
  workers.push(worker);
  return worker;
}

/**
 * Waits for the end of a worker. Its own progress is not shown.
 *
 * @param note gets its notes
 * @throws NuwaError with its error message
 */
function finished(worker: ChildProcess, name: string, note: (text: string) => void): Promise<void> {
  let message: string | undefined;
  // There is no stderr where the system has no file descriptors left; the error says so.
  if (worker.stderr) {
    // How the worker ended says more than that it could no longer be listened to.
    worker.stderr.on("error", () => undefined);
    createInterface({ input: worker.stderr }).on("line", (line) => {
      if (line.startsWith(NOTE)) note(line.slice(NOTE.length));
      if (line.startsWith("nuwa: ")) message = line.slice("nuwa: ".length);
    });
  }
  return new Promise((done, fail) => {
    worker.on("error", (error) => fail(new NuwaError(`${name}: cannot be started (${error.message}).`)));
    worker.on("close", (code, signal) => {
      if (code === 0) return done();
      const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
      fail(new NuwaError(`${name}: ${message ?? `${how}. Run the command again; it goes on where it was.`}`));
    });
  });
}

/**
 * The progress of all workers together: `look` counts the lines in their journals. What is damaged there it leaves to
 * the worker, whose error says it.
 */
function progressOf(folders: readonly string[]): { look(): void; missed(hint: string): void } {
  const counters = folders.map((folder) => lineCounter(join(folder, "samples.jsonl")));
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  const lines = () => sum(counters.map((count) => orUndefined(count) ?? 0));
  const before = lines();
  const progress = terminalProgress(process.stderr, before);
  return {
    look() {
      const totals = folders.map((folder) => orUndefined(() => readJson(join(folder, "options.json"), shardOptions)));
      const done = lines();
      const known = totals.flatMap((total) => (total ? [total.answers] : []));
      if (done > before && known.length === folders.length) progress.answered(done, sum(known));
    },
    missed: progress.missed,
  };
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof NuwaError) return undefined;
    throw error;
  }
}
