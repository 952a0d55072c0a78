import { workerData } from "node:worker_threads";
import { openTemplate } from "./template-engine.js";
import { openTokenizer } from "./tokenizer-engine.js";

/*
 * What runs in the worker thread of host.ts. It is JavaScript because it must start while the main thread waits for it:
 * a loader of TypeScript would need the main thread.
 */

// Libraries print what they find in files: none of it may reach the terminal.
for (const name of /** @type {const} */ (["debug", "error", "info", "log", "trace", "warn"]))
  console[name] = () => undefined;

/** @type {Readonly<Record<string, (file: any) => object>>} */
const OPENERS = { template: openTemplate, tokenizer: openTokenizer };

/** @typedef {{ number: number, forget: number[], open?: [kind: string, file: any], call?: [name: string, args: any[]] }} Question */

/** What has been opened, by the number that the main thread gave it. @type {Map<number, any>} */
const opened = new Map();
const { port, signal } = workerData;
const answered = new Int32Array(signal);

port.on("message", (/** @type {Question} */ asked) => {
  port.postMessage(answerTo(asked));
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
});

/** @param {Question} asked @returns {{ value: unknown } | { error: string }} */
function answerTo({ number, forget, open, call }) {
  try {
    for (const one of forget) opened.delete(one);
    if (open) opened.set(number, OPENERS[open[0]](open[1]));
    return { value: call && opened.get(number)[call[0]](...call[1]) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
