import type { Reply, Request, TaskName, Tasks } from "./protocol.ts";

/** A worker with the model, started anew where a task was stopped. */
export interface Client {
  /** @throws Error with the worker's line where the task fails, or because it was stopped */
  ask<Name extends TaskName>(task: Name, given: Tasks[Name]["given"]): Promise<Tasks[Name]["back"]>;
  /** Ends what runs: the worker is thrown away. Tasks under way fail with this line. */
  stop(line: string): void;
}

/**
 * A client of a worker.
 *
 * @param program of the worker, as text: it is there from the start, so that a new worker asks the network for nothing
 * @param begin the first task of every worker
 */
export function clientOf(program: string, begin: (client: Client) => Promise<unknown>): Client {
  const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  const waiting = new Map<number, { done: (back: never) => void; failed: (error: Error) => void }>();
  let last = 0;
  let worker: Worker | undefined;
  let ready: Promise<unknown> = Promise.resolve();
  let isReady = false;

  function send<Name extends TaskName>(task: Name, given: Tasks[Name]["given"]): Promise<Tasks[Name]["back"]> {
    return new Promise((done, failed) => {
      const id = ++last;
      waiting.set(id, { done, failed });
      worker?.postMessage({ id, task, given } satisfies Request);
    });
  }

  const client: Client = {
    ask(task, given) {
      start();
      // At once where it can be: a worker computes while the page is drawn.
      return isReady ? send(task, given) : ready.then(() => send(task, given));
    },
    stop(line) {
      worker?.terminate();
      worker = undefined;
      isReady = false;
      for (const { failed } of waiting.values()) failed(new Error(line));
      waiting.clear();
    },
  };

  function start(): void {
    if (worker) return;
    worker = new Worker(url);
    worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      const task = waiting.get(data.id);
      waiting.delete(data.id);
      if ("problem" in data) task?.failed(new Error(data.problem));
      else task?.done(data.back as never);
    });
    worker.addEventListener("error", ({ message }) => client.stop(message || "the worker of the model ended."));
    const own = worker;
    ready = begin({ ask: send, stop: client.stop });
    ready.then(
      () => {
        isReady = worker === own;
      },
      // Whoever asks is told.
      () => {},
    );
  }
  return client;
}
