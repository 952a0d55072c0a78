import { spawn } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { makeTemporary } from "../../src/io/leftovers.ts";
import { VARIABLES } from "../../test/properties/settings.ts";
import type { Caught } from "./memory.ts";
import type { Mutation } from "./mutation.ts";

/** What the tests are run on. */
const COPIED = [
  "src",
  "test",
  "docs",
  "scripts",
  "weights",
  "bin",
  "package.json",
  "tsconfig.json",
  "vitest.config.ts",
] as const;
/** A share of the cases of each law is enough to see code that is wrong for most of them. */
const FACTOR = "0.3";

/** What some test files say of the code as it is in the copy. */
export interface TestRun {
  /** The first test that failed. */
  readonly failed: Caught | undefined;
  /** Seconds that each file took that passed. */
  readonly seconds: ReadonlyMap<string, number>;
  /** The tests did not end within the limit. */
  readonly timedOut: boolean;
}

interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly assertionResults: readonly { readonly status: string; readonly title: string }[];
}

/** A copy of the project in which code is broken and tests are run, one after the other. */
export class Copy {
  readonly folder = makeTemporary("mutations");
  #running: number | undefined;

  constructor(project: string) {
    for (const name of COPIED) cpSync(join(project, name), join(this.folder, name), { recursive: true });
    symlinkSync(join(project, "node_modules"), join(this.folder, "node_modules"));
  }

  /** Does `work` while the code of the copy is broken. */
  async broken<T>({ file, from, to, what }: Mutation, work: () => Promise<T>): Promise<T> {
    const path = join(this.folder, "src", file);
    const whole = readFileSync(path, "utf8");
    const parts = whole.split(from);
    if (parts.length !== 2)
      throw new Error(`mutation "${what}": its text occurs ${parts.length - 1} times in src/${file}, not once.`);
    writeFileSync(path, parts.join(to));
    try {
      return await work();
    } finally {
      writeFileSync(path, whole);
    }
  }

  /**
   * Runs test files up to the first test that fails.
   *
   * @param limit in seconds; tests that still run then are ended
   */
  async test(files: readonly string[], limit: number): Promise<TestRun> {
    const report = join(this.folder, "report.json");
    rmSync(report, { force: true });
    const runner = join(this.folder, "node_modules/vitest/vitest.mjs");
    const options = ["--reporter=json", `--outputFile=${report}`, "--bail=1", "--maxWorkers=1"];
    const timedOut = await this.#run([runner, "run", ...options, ...files], limit);
    if (timedOut) return { failed: undefined, seconds: new Map(), timedOut };
    if (!existsSync(report)) throw new Error(`vitest wrote no report on ${files.join(", ")}.`);
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as { testResults: FileReport[] };
    const named = testResults.map((one) => ({ ...one, test: relative(this.folder, one.name).replaceAll("\\", "/") }));
    const failed = named.flatMap(({ test, status, assertionResults }): Caught[] => {
      const first = assertionResults.find((one) => one.status === "failed");
      if (first) return [{ test, title: first.title }];
      return status === "failed" && assertionResults.every((one) => one.status !== "passed")
        ? [{ test, title: "(the file cannot be run)" }]
        : [];
    });
    const passed = named.filter((one) => one.assertionResults.every(({ status }) => status === "passed"));
    return {
      failed: failed[0],
      seconds: new Map(passed.map(({ test, startTime, endTime }) => [test, (endTime - startTime) / 1000])),
      timedOut,
    };
  }

  /** @returns whether it had to be ended */
  #run(argv: readonly string[], limit: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const env = { ...process.env, [VARIABLES.factor]: FACTOR };
      // A group of its own, so that the processes in which vitest runs tests end with it.
      const child = spawn(process.execPath, argv, { cwd: this.folder, env, stdio: "ignore", detached: true });
      this.#running = child.pid;
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        this.#end();
      }, limit * 1000);
      child.once("error", reject);
      child.once("exit", () => {
        clearTimeout(timer);
        this.#running = undefined;
        resolve(timedOut);
      });
    });
  }

  #end(): void {
    if (this.#running !== undefined) process.kill(-this.#running, "SIGKILL");
  }

  /** Ends what runs and deletes the copy. */
  remove(): void {
    this.#end();
    // What was ended may still be writing.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
