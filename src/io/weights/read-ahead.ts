import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";

/** A part of an open file that is wanted in memory. */
export interface Reading {
  /** Descriptor; those of a process are valid in all of its threads. */
  readonly file: number;
  /** Bytes of the file, end exclusive. */
  readonly begin: number;
  readonly end: number;
  /** Where in the buffer they go; a multiple of four. */
  readonly at: number;
  /** Set where NaN and infinite values are looked for: what the bytes are. */
  readonly checked?: "F32" | "F16" | "BF16";
}

/** Why a job failed. */
export interface Problem {
  /** Which of its readings. */
  readonly reading: number;
  /** What the system said. */
  readonly reason?: string;
  /** Index of a value that is NaN or infinite. */
  readonly nonFinite?: number;
}

/**
 * Reads parts of files in a worker thread, one job after the other, into buffers that both threads share. The main
 * thread goes on, and waits where it needs what has not come yet; so callers need not be asynchronous.
 */
export class ReadAhead {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #done: Int32Array;
  #begun = 0;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    const signal = new SharedArrayBuffer(4);
    this.#worker = new Worker(new URL("./reading-worker.js", import.meta.url), {
      workerData: { port: port2, signal },
      transferList: [port2],
      // Not those of this process, which may load a compiler.
      execArgv: [],
    });
    // A program ends when its main thread does, and so does a test.
    this.#worker.unref();
    port1.unref();
    this.#port = port1;
    this.#done = new Int32Array(signal);
  }

  /** Begins a job, behind those that were begun before. */
  begin(buffer: SharedArrayBuffer, readings: readonly Reading[]): void {
    this.#begun++;
    this.#worker.postMessage({ number: this.#begun, buffer, readings });
  }

  /** Waits until all jobs are done. @returns what went wrong with the last one */
  finish(): Problem | undefined {
    for (let seen = this.#seen(); seen !== this.#begun; seen = this.#seen()) Atomics.wait(this.#done, 0, seen);
    let problem: Problem | undefined;
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port))
      problem = next.message;
    return problem;
  }

  #seen(): number {
    return Atomics.load(this.#done, 0);
  }

  /** Ends the worker. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
