import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { NuwaError } from "../../src/core/errors.ts";

/** The program that times transformers. */
const SCRIPT = fileURLToPath(new URL("../../test/fixtures/bench/transformers_times.py", import.meta.url));

/** A large model with eager attention on a busy machine takes less than this, importing torch included. */
const PATIENCE = 15 * 60_000;

/** How another program is spoken to. */
export interface ContenderOptions {
  readonly script?: string;
  /** Milliseconds that an answer may take. */
  readonly patience?: number;
}

/**
 * A Python program that stays up and answers requests, each with one line of JSON. Whatever goes wrong with it is one
 * NuwaError.
 */
export class Contender {
  private readonly child: ChildProcess;
  private readonly patience: number;
  private waiting: { answer(line: string): void; fail(error: NuwaError): void } | undefined;
  private ended: NuwaError | undefined;
  /** The end of what it wrote to stderr. */
  private said = "";

  constructor(
    private readonly python: string,
    { script = SCRIPT, patience = PATIENCE }: ContenderOptions = {},
  ) {
    this.patience = patience;
    this.child = spawn(python, [script], { stdio: ["pipe", "pipe", "pipe"] });
    this.child.on("error", (error) => this.end(`cannot be run (${error.message})`));
    this.child.stderr?.on("data", (text) => {
      this.said = `${this.said}${text}`.slice(-2000);
    });
    // Writing to a program that has ended is told by its end.
    this.child.stdin?.on("error", () => {});
    this.child.on("close", (code, signal) => {
      const last = this.said.trim().split("\n").at(-1);
      this.end(`ended with ${signal ?? `code ${code}`}${last ? `: ${last}` : ""}`);
    });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      this.waiting?.answer(line);
      this.waiting = undefined;
    });
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @throws NuwaError when the program cannot be run, ends, says that it failed, or takes too long
   */
  async ask(request: object): Promise<Record<string, unknown>> {
    if (this.ended) throw this.ended;
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.end(`gave no answer within ${this.patience / 1000} s`);
        this.stop();
      }, this.patience);
      const settled = (settle: () => void) => {
        clearTimeout(timer);
        settle();
      };
      this.waiting = {
        answer: (text) => settled(() => resolve(text)),
        fail: (error) => settled(() => reject(error)),
      };
      this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    const answer = this.parse(line);
    if (typeof answer.error === "string") throw new NuwaError(`--against ${this.python}: ${answer.error}. ${REMEDY}`);
    return answer;
  }

  /** Ends the program. */
  stop(): void {
    this.child.kill("SIGKILL");
  }

  private parse(line: string): Record<string, unknown> {
    try {
      const answer: unknown = JSON.parse(line);
      if (answer !== null && typeof answer === "object") return answer as Record<string, unknown>;
    } catch {
      // Told below, as all that is no object.
    }
    throw new NuwaError(`--against ${this.python}: answered what is no JSON object. ${REMEDY}`);
  }

  private end(why: string): void {
    this.ended ??= new NuwaError(`--against ${this.python}: ${why}. ${REMEDY}`);
    this.waiting?.fail(this.ended);
    this.waiting = undefined;
  }
}

const REMEDY = "Name a python that has torch and transformers (test/fixtures/README.md).";
