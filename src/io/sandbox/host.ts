import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { LimitError } from "../../core/errors.ts";

/*
 * Tokenizers and chat templates of others are programs in effect: regular expressions and loops that may never end, and
 * texts that may grow for ever. They run in a worker thread that has limits of memory and time. The main thread waits
 * for each answer, so that callers need not be asynchronous.
 */

/** What a worker can open. */
export type EngineKind = "tokenizer" | "template";

/** Something that was opened in the worker. */
export interface Engine {
  /**
   * Calls a function of what was opened.
   *
   * @throws Error with the reason when it fails
   * @throws LimitError when it takes more time or memory than it may, as it would if it were called again
   */
  call(name: string, ...args: unknown[]): unknown;
}

/** Of the worker's heap. The largest known tokenizers take some 300 MB. */
const MAX_MEGABYTES = 1024;
/** Reading a tokenizer of 150 000 tokens takes about a second; the worker's start counts, too. */
const OPENING_MILLISECONDS = 10_000;
const CALLING_MILLISECONDS = 5000;

interface Host {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** Holds the turn that the worker answered last. */
  readonly answered: Int32Array;
  /** How many times the worker was asked. */
  turn: number;
  /** The engines that it may drop, which it is told with the next question. */
  forgotten: number[];
}

/** Tells the worker which engines nothing here can call any more: one of a tokenizer holds some 100 MB. */
const forgotten = new FinalizationRegistry<{ readonly number: number; host: Host }>(({ number, host }) => {
  if (host === running) host.forgotten.push(number);
});

/** The worker of this process, once there is one. */
let running: Host | undefined;
let count = 0;

/**
 * Opens a file's contents in the worker.
 *
 * @param file plain JSON
 * @throws Error as {@link Engine.call}
 */
export function openEngine(kind: EngineKind, file: unknown): Engine {
  const number = count++;
  const open = () => {
    running ??= start();
    ask(running, { number, open: [kind, file] }, OPENING_MILLISECONDS);
    return running;
  };
  const held = { number, host: open() };
  const engine: Engine = {
    call(name, ...args) {
      // Where another call had to be stopped, the worker was ended with all that it had opened.
      if (held.host !== running) held.host = open();
      return ask(held.host, { number, call: [name, args] }, CALLING_MILLISECONDS);
    },
  };
  forgotten.register(engine, held);
  return engine;
}

function start(): Host {
  const { port1, port2 } = new MessageChannel();
  const signal = new SharedArrayBuffer(4);
  const worker = new Worker(new URL("./worker.js", import.meta.url), {
    workerData: { port: port2, signal },
    transferList: [port2],
    // Not those of this process, which may load a compiler.
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: MAX_MEGABYTES, maxYoungGenerationSizeMb: 64 },
  });
  // Its end by too much memory is an event for later; the call that waits for it ends by its time.
  worker.on("error", () => undefined);
  worker.unref();
  port1.unref();
  return { worker, port: port1, answered: new Int32Array(signal), turn: 0, forgotten: [] };
}

function ask(host: Host, question: object, milliseconds: number): unknown {
  const before = host.turn;
  // As the 32 bits in the worker do.
  host.turn = (before + 1) | 0;
  host.port.postMessage({ ...question, forget: host.forgotten.splice(0) });
  const end = performance.now() + milliseconds;
  // Waking up alone says nothing: the worker may still be about to announce the answer to an earlier question, which
  // was received before this thread began to wait for it.
  while (Atomics.load(host.answered, 0) === before) {
    if (Atomics.wait(host.answered, 0, before, end - performance.now()) !== "timed-out") continue;
    running = undefined;
    void host.worker.terminate();
    throw new LimitError(`takes more than the ${milliseconds / 1000} seconds or ${MAX_MEGABYTES} MB allowed`);
  }
  const answer: { readonly value?: unknown; readonly error?: string } = receiveMessageOnPort(host.port)?.message;
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value;
}
